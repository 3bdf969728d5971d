/** A request acts on the subscription that was there when it was asked, and on none that came after it. */
import { runBillingRequest } from "../../tasks/run_billing_request.ts";
import { press } from "../dev/stripe_hosted.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { paidTenant, priceOf, sync } from "../support/synced.ts";
import { test, type FaultKind, type Workshop } from "../support/tasks.ts";

/** Runs the request's task once, under a fault at the subscription that leaves it for later. */
async function stumble(
  { options, helpers, control }: Workshop,
  { tenantId, request, at }: { tenantId: string; request: string; at: string },
  { kind, method }: { kind: FaultKind; method: string },
): Promise<void> {
  await control("faults", { kind, method, path: `/v1/subscriptions/${at}` });
  const attempt = runBillingRequest(options)({ tenant_id: tenantId, request_id: request }, helpers);
  await expect(attempt).rejects.toThrow();
}

/** What somebody subscribes to in the dashboard, paid by card; the id. */
async function soldByHand(
  workshop: Workshop,
  customer: string,
  isToEnd: boolean = false,
): Promise<string> {
  const { stripe } = workshop;
  const { id: card } = await stripe.paymentMethods.attach("pm_card_visa", { customer });
  const { id, status } = await stripe.subscriptions.create({
    customer,
    items: [{ price: await priceOf(workshop, "pro_month") }],
    default_payment_method: card,
    cancel_at_period_end: isToEnd,
  });
  expect(status).toBe("active");
  return id;
}

async function livingAt(workshop: Workshop, tenantId: string) {
  const { subscriptions } = await workshop.atStripe(tenantId);
  return subscriptions
    .filter(({ status }) => status !== "canceled" && status !== "incomplete_expired")
    .map(({ id, status, cancel_at, items }) => ({
      id,
      status,
      isToEnd: cancel_at !== null,
      plan: items.data[0]?.price.lookup_key,
    }));
}

const answerTo = ({ pool }: Workshop, id: string) =>
  rowOf(pool, "select status, error_code from app_public.billing_requests where id = $1", [id]);

const DONE = { status: "done", error_code: null };
const GONE = { status: "failed", error_code: "no_subscription" };

test("a cancellation that is tried again leaves alone what was paid on an open page meanwhile", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const page = await askAsOwner(workshop, tenantId, "create_checkout_session('pro')");
  await workshop.settle();
  const { url } = await rowOf<{ url: string }>(
    workshop.pool,
    "select url from app_public.billing_requests where id = $1",
    [page],
  );
  const { customers } = await workshop.atStripe(tenantId);
  const customer = customers[0]?.id ?? "";
  const meant = await soldByHand(workshop, customer);
  await sync(workshop, customer);

  const request = await askAsOwner(workshop, tenantId, "cancel_subscription(false)");
  const fault = { kind: "500_after", method: "DELETE" } as const;
  await stumble(workshop, { tenantId, request, at: meant }, fault);
  await press(url, { step: "pay", card: "pm_card_visa" });
  await workshop.settle();
  expect(await answerTo(workshop, request)).toEqual(DONE);
  expect(await livingAt(workshop, tenantId)).toMatchObject([{ status: "active", isToEnd: false }]);
});

/** Each stumbles; then the subscription ends, and another is sold and paid for before it is tried again. */
const CALLS = [
  { call: "cancel_subscription(true)", method: "POST", answer: DONE },
  { call: "cancel_subscription(false)", method: "DELETE", answer: DONE },
  { call: "resume_subscription()", method: "POST", answer: GONE },
  { call: "change_plan('enterprise')", method: "POST", answer: GONE },
] as const;

async function replaceSubscription(
  workshop: Workshop,
  { call, method }: (typeof CALLS)[number],
  { kind, isKnown }: { kind: FaultKind; isKnown: boolean },
) {
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  const isToEnd = call.startsWith("resume");
  if (isToEnd) {
    await workshop.stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  }
  await sync(workshop, customer);
  if (!isKnown) await forgetSubscription(workshop, tenantId);
  const request = await askAsOwner(workshop, tenantId, call);
  await stumble(workshop, { tenantId, request, at: subscription }, { kind, method });
  await workshop.stripe.subscriptions.cancel(subscription);
  const next = await soldByHand(workshop, customer, isToEnd);
  await sync(workshop, customer);
  return { tenantId, request, next: { id: next, status: "active", isToEnd, plan: "pro_month" } };
}

async function forgetSubscription({ database }: Workshop, tenantId: string): Promise<void> {
  await withClient(database.urls.superuser, (client) =>
    client.query(
      "update app_public.billing_accounts set stripe_subscription_id = null where tenant_id = $1",
      [tenantId],
    ),
  );
}

for (const kind of ["429", "500_before"] as const) {
  test.for(CALLS)(
    `$call that Stripe answered with ${kind} does nothing to the subscription after the one it meant`,
    async (called, { workshop }) => {
      const how = { kind, isKnown: true };
      const { tenantId, request, next } = await replaceSubscription(workshop, called, how);
      expect(await answerTo(workshop, request)).toEqual(called.answer);
      expect(await livingAt(workshop, tenantId)).toEqual([next]);
    },
  );
}

test.for(CALLS)(
  "$call of a tenant whose subscription we had not heard of keeps to the first one it found",
  async (called, { workshop }) => {
    const how = { kind: "429", isKnown: false } as const;
    const { tenantId, request, next } = await replaceSubscription(workshop, called, how);
    expect(await answerTo(workshop, request)).toEqual(called.answer);
    expect(await livingAt(workshop, tenantId)).toEqual([next]);
  },
);
