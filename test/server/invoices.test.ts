import { DAY, EPOCH, invoice, record } from "../support/billing.ts";
import { expect } from "../support/index.ts";
import { test } from "../support/quiet_system.ts";
import { codesOf, textAt } from "../support/tenant_life.ts";

const PAGE = `query ($first: Int, $after: Cursor) {
  invoices(first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { rowId status amountDue currency hostedInvoiceUrl invoicePdfUrl createdAt }
  }
}`;

/** Three months of invoices, of which the newest is open; the ids are in another order. */
const INVOICES = ["in_b", "in_c", "in_a"].map((id, month) =>
  invoice({
    id,
    status: month === 2 ? "open" : "paid",
    hosted_invoice_url: `https://invoice.stripe.com/i/${id}`,
    invoice_pdf: `https://pay.stripe.com/invoice/${id}/pdf`,
    created: EPOCH + month * 30 * DAY,
  }),
);

test.beforeAll(async ({ admin, alice }) => {
  await admin.query("select app_private.record_intent_customer($1, 'cus_acme')", [alice.tenantId]);
  await record(admin, { seq: 1, invoices: INVOICES });
});

test("a tenant's invoices come newest first, with their links, page by page", async ({ alice }) => {
  const first = await alice.ask(PAGE, { first: 2 });
  expect(first.errors).toEqual([]);
  expect(first.data).toEqual({
    invoices: {
      totalCount: 3,
      pageInfo: { hasNextPage: true, endCursor: expect.any(String) },
      nodes: [
        {
          rowId: "in_a",
          status: "open",
          amountDue: 4900,
          currency: "usd",
          hostedInvoiceUrl: "https://invoice.stripe.com/i/in_a",
          invoicePdfUrl: "https://pay.stripe.com/invoice/in_a/pdf",
          createdAt: expect.stringMatching(/^2026-12-31T/),
        },
        expect.objectContaining({ rowId: "in_c" }),
      ],
    },
  });
  const after = textAt(first.data, "invoices", "pageInfo", "endCursor");
  const rest = await alice.ask(PAGE, { first: 2, after });
  expect(rest.data).toMatchObject({
    invoices: { pageInfo: { hasNextPage: false }, nodes: [{ rowId: "in_b" }] },
  });
});

test("they can be asked for oldest first, and through the tenant", async ({ alice }) => {
  const { data, errors } = await alice.ask(`query {
    invoices(orderBy: CREATED_AT_ASC, first: 2) { nodes { rowId } }
    currentTenant { invoices(first: 1) { nodes { rowId } } }
  }`);
  expect(errors).toEqual([]);
  expect(data).toEqual({
    invoices: { nodes: [{ rowId: "in_b" }, { rowId: "in_c" }] },
    currentTenant: { invoices: { nodes: [{ rowId: "in_a" }] } },
  });
});

test("a neighbour sees none of them, and nobody writes one", async ({ alice, mallory }) => {
  const { data } = await mallory.ask(PAGE);
  expect(data).toMatchObject({ invoices: { totalCount: 0, nodes: [] } });
  for (const mutation of ["createInvoice", "updateInvoice", "deleteInvoice"]) {
    const answer = await alice.ask(`mutation { ${mutation}(input: {}) { clientMutationId } }`);
    expect(codesOf(answer)).toEqual(["BAD_USER_INPUT"]);
  }
});
