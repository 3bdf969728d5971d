/** A request's task by hand: what Stripe answers badly, and the process that dies between any two steps. */
import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import { runBillingRequest } from "../../tasks/run_billing_request.ts";
import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import { askAsOwner as ask } from "../support/ask_as_owner.ts";
import { diesAt } from "../support/dying.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { test, type FaultKind, type Workshop } from "../support/tasks.ts";

function requestOf({ pool }: Workshop, id: string) {
  return rowOf(pool, "select * from app_public.billing_requests where id = $1", [id]);
}

/** A tenant that Stripe knows and that has not paid. */
async function foundUnpaid(workshop: Workshop): Promise<string> {
  const tenantId = await workshop.found();
  await workshop.settle();
  return tenantId;
}

/** A tenant that pays for pro. */
async function foundPaid(workshop: Workshop): Promise<string> {
  const tenantId = await foundUnpaid(workshop);
  const { subscriptions } = await workshop.atStripe(tenantId);
  const invoice = subscriptions[0]?.latest_invoice;
  const id = typeof invoice === "string" ? invoice : (invoice?.id ?? "");
  await workshop.stripe.invoices.pay(id, { payment_method: "pm_card_visa" });
  await sync(workshop, tenantId);
  return tenantId;
}

/** What a webhook would bring about. */
async function sync(workshop: Workshop, tenantId: string): Promise<void> {
  await workshop.pool.query(
    `select app_private.request_customer_sync(stripe_customer_id)
    from app_public.billing_accounts where tenant_id = $1`,
    [tenantId],
  );
  await workshop.settle();
}

/** What has come of it at Stripe: each list has one entry when it was done once. */
async function effectOf({ stripe, atStripe }: Workshop, tenantId: string) {
  const { customers, subscriptions } = await atStripe(tenantId);
  const customer = customers[0]?.id ?? "";
  const sessions = await stripe.checkout.sessions.list({ customer, status: "open" });
  const invoices = await stripe.invoices.list({ customer });
  return {
    customers: customers.length,
    sessions: sessions.data.length,
    alive: subscriptions.filter(({ status }) => status === "active").length,
    changes: invoices.data.filter((each) => each.billing_reason === "subscription_update").length,
    plans: subscriptions.flatMap(({ items }) => items.data.map(({ price }) => price.lookup_key)),
  };
}

const CHECKOUT = "create_checkout_session('pro')";
const CHANGE = "change_plan('enterprise')";
const ONE_SESSION = { customers: 1, sessions: 1, alive: 0, changes: 0, plans: ["pro_month"] };
const ONE_CHANGE = { customers: 1, sessions: 0, alive: 1, changes: 1, plans: ["enterprise_month"] };

const KINDS: FaultKind[] = ["409", "429_lock_timeout", "500_before", "500_after", "reset_after"];

test.for(KINDS)(
  "a call that ends in %s is made again, for one effect",
  async (kind, { workshop }) => {
    const unpaid = await foundUnpaid(workshop);
    const asked = await ask(workshop, unpaid, CHECKOUT);
    await workshop.control("faults", { kind, method: "POST", path: "/v1/checkout/sessions" });
    await workshop.settle();
    expect(await requestOf(workshop, asked)).toMatchObject({ status: "done" });
    expect(await effectOf(workshop, unpaid)).toEqual(ONE_SESSION);

    const paid = await foundPaid(workshop);
    const changed = await ask(workshop, paid, CHANGE);
    const { subscriptions } = await workshop.atStripe(paid);
    const path = `/v1/subscriptions/${subscriptions[0]?.id}`;
    await workshop.control("faults", { kind, method: "POST", path });
    await workshop.settle();
    expect(await requestOf(workshop, changed)).toMatchObject({ status: "done", total: 45_000 });
    expect(await effectOf(workshop, paid)).toEqual(ONE_CHANGE);
  },
);

test("S52: what createTenant began is finished before a page is opened: one of them can be paid", async ({
  workshop,
}) => {
  const { options, helpers, stripe } = workshop;
  const tenantId = await workshop.found();
  // The customer is made and the subscription is not, when the owner asks for a page.
  await workshop.control("faults", { kind: "409", method: "POST", path: "/v1/subscriptions" });
  const begun = stripeProvisionTenant(options)({ tenant_id: tenantId }, helpers);
  await expect(begun).rejects.toMatchObject({ statusCode: 409 });
  const id = await ask(workshop, tenantId, CHECKOUT);
  await runBillingRequest(options)({ tenant_id: tenantId, request_id: id }, helpers);
  await workshop.settle();

  expect(await requestOf(workshop, id)).toMatchObject({ status: "done" });
  expect(await effectOf(workshop, tenantId)).toEqual(ONE_SESSION);
  const { customers } = await workshop.atStripe(tenantId);
  const customer = customers[0]?.id ?? "";
  const { data: invoices } = await stripe.invoices.list({ customer });
  expect(invoices.map(({ status }) => status)).toEqual(["void"]);
});

test.for([
  ["checkout", CHECKOUT, foundUnpaid, ONE_SESSION],
  ["change", CHANGE, foundPaid, ONE_CHANGE],
] as const)(
  "a death at any step of a %s, and the next, leaves one effect in the end",
  async ([, call, found, effect], { workshop }) => {
    const tenantId = await found(workshop);
    const requestId = await ask(workshop, tenantId, call);
    const run = (stripe: Stripe, helpers: JobHelpers) =>
      runBillingRequest({ ...workshop.options, stripe })(
        { tenant_id: tenantId, request_id: requestId },
        helpers,
      );
    let point = 0;
    while (await diesAt(workshop, point, run)) point += 1;
    // Each death but the last was followed by a run that went one half step further.
    expect(point).toBeGreaterThan(10);
    expect(await requestOf(workshop, requestId)).toMatchObject({ status: "done" });
    await workshop.settle();
    expect(await effectOf(workshop, tenantId)).toEqual(effect);
  },
);

test("a request that nobody could do for an hour is given up, and nothing is asked of Stripe", async ({
  workshop,
}) => {
  const tenantId = await foundUnpaid(workshop);
  const id = await ask(workshop, tenantId, CHECKOUT);
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query(
      "update app_public.billing_requests set created_at = now() - interval '61 min' where id = $1",
      [id],
    ),
  );
  await workshop.settle();
  expect(await requestOf(workshop, id)).toMatchObject({ status: "failed", error_code: "expired" });
  expect(await effectOf(workshop, tenantId)).toMatchObject({ sessions: 0 });
});

test("what Stripe does not accept fails for good, and the operator is told", async ({
  workshop,
}) => {
  const tenantId = await foundUnpaid(workshop);
  await workshop.pool.query(
    "update app_public.billing_accounts set stripe_customer_id = 'cus_gone' where tenant_id = $1",
    [tenantId],
  );
  const id = await ask(workshop, tenantId, "create_billing_portal_session()");
  await workshop.settle();
  expect(await requestOf(workshop, id)).toMatchObject({
    status: "failed",
    error_code: "refused",
    error_message: expect.not.stringMatching(/cus_gone/),
  });
  const alarm = await rowOf(
    workshop.pool,
    "select details from app_private.alarms where kind = 'billing_request_refused' and subject = $1",
    [tenantId],
  );
  expect(alarm).toEqual({ details: { kind: "portal", request_id: id } });
});
