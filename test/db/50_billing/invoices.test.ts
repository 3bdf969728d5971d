import type pg from "pg";

import { invoice, recordAsWorker, tieCustomer } from "../../support/billing.ts";
import { asAnonymous, asUser, asWorker, createCast, describe } from "../../support/index.ts";
import { expect, test } from "../../support/index.ts";
import { codeOf, rowsOf } from "../../support/query.ts";

const INVOICES = "select tenant_id, id from app_public.invoices order by id";

/** acme has in_1, globex in_2. */
async function withInvoices(db: pg.Client) {
  const cast = await createCast(db);
  await tieCustomer(db, cast.acme);
  await tieCustomer(db, cast.globex, "cus_globex");
  await recordAsWorker(db, { seq: 1, invoices: [invoice()] });
  const theirs = [invoice({ id: "in_2", number: "GLOBEX-0001" })];
  await recordAsWorker(db, { customer: "cus_globex", seq: 2, invoices: theirs });
  return cast;
}

describe("an invoice", () => {
  test.for([
    { role: "owner", sees: true },
    { role: "admin", sees: false },
    { role: "member", sees: false },
  ])("seen by the $role it is for: $sees; suspended or not", async ({ role, sees }, { db }) => {
    const { bob, acme } = await withInvoices(db);
    await db.query("update app_public.memberships set role = $1 where user_id = $2", [role, bob]);
    const seen = () => asUser(db, { userId: bob, tenantId: acme }, () => rowsOf(db, INVOICES));
    const expected = sees ? [{ tenant_id: acme, id: "in_1" }] : [];
    expect(await seen()).toEqual(expected);
    await db.query("update app_public.tenants set access = 'none'");
    expect(await seen()).toEqual(expected);
  });

  test("is no neighbour's, no visitor's, and nobody's between tenants", async ({ db }) => {
    const { alice, mallory, globex } = await withInvoices(db);
    const theirs = asUser(db, { userId: mallory, tenantId: globex }, () => rowsOf(db, INVOICES));
    expect(await theirs).toEqual([{ tenant_id: globex, id: "in_2" }]);
    expect(await codeOf(asAnonymous(db, () => db.query(INVOICES)))).toBe("42501");
    expect(await codeOf(asUser(db, { userId: alice }, () => db.query(INVOICES)))).toBe("TNREQ");
  });

  test.for([
    "update app_public.invoices set status = 'paid'",
    "insert into app_public.invoices select * from app_public.invoices",
    "delete from app_public.invoices",
  ])("is not its owner's to write: %s", async (sql, { db }) => {
    const { alice, acme } = await withInvoices(db);
    const write = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
    expect(await codeOf(write)).toBe("42501");
  });

  test("is deleted by nobody, not even a task", async ({ db }) => {
    await withInvoices(db);
    const remove = asWorker(db, () => db.query("delete from app_public.invoices"));
    expect(await codeOf(remove)).toBe("42501");
  });
});

test("invoices are what Stripe says; what it lists no more stays as it was", async ({ db }) => {
  const { acme } = await withInvoices(db);
  const open = invoice({
    id: "in_3",
    status: "open",
    amount_paid: 0,
    amount_remaining: 9_007_199_254_740_991,
    paid_at: null,
    attempt_count: 2,
  });
  await recordAsWorker(db, { seq: 3, invoices: [open] });
  const held = () =>
    rowsOf(
      db,
      `select id, status, amount_remaining, attempt_count, paid_at from app_public.invoices
      where tenant_id = $1 order by id`,
      [acme],
    );
  const [first, second] = await held();
  expect(first).toMatchObject({ id: "in_1", status: "paid", amount_remaining: 0 });
  expect(second).toEqual({
    id: "in_3",
    status: "open",
    amount_remaining: 9007199254740991,
    attempt_count: 2,
    paid_at: null,
  });
  await recordAsWorker(db, { seq: 4, invoices: [{ ...open, status: "void" }] });
  await recordAsWorker(db, { seq: 5, isDeleted: true });
  expect(await held()).toEqual([first, { ...second, status: "void" }]);
});

test("what may still change is asked for again, and nothing else", async ({ db }) => {
  await withInvoices(db);
  const invoices = ["open", "void", "uncollectible", "future_status", "paid"].map((status, n) =>
    invoice({ id: `in_${status}`, status, created: n }),
  );
  await recordAsWorker(db, { seq: 3, invoices });
  const begin = (customer: string) =>
    asWorker(db, () =>
      rowsOf(
        db,
        "select is_deleted, unsettled_invoice_ids from app_private.begin_customer_sync($1)",
        [customer],
      ),
    );
  expect(await begin("cus_acme")).toEqual([
    {
      is_deleted: false,
      unsettled_invoice_ids: ["in_future_status", "in_uncollectible", "in_open"],
    },
  ]);
  expect(await begin("cus_nobody")).toEqual([{ is_deleted: false, unsettled_invoice_ids: [] }]);
});
