/** Something changes at Stripe between a request's look and its act. Whoever asked gets a plain answer. */
import type Stripe from "stripe";

import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { openAlarms, paidTenant, sync, type Paid } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** A tenant that pays, as our copy has it too. */
async function payingTenant(workshop: Workshop): Promise<Paid> {
  const tenant = await paidTenant(workshop);
  await sync(workshop, tenant.customer);
  return tenant;
}

/** Tasks to which something happens, once, right after they have looked at the subscriptions. */
function afterLooking({ options }: Workshop, act: () => Promise<unknown>) {
  const { subscriptions } = options.stripe;
  let acted: Promise<unknown> | undefined;
  const acting: typeof subscriptions = Object.create(subscriptions);
  acting.list = (params) => {
    const listed = subscriptions.list(params);
    const readAll = listed.autoPagingToArray.bind(listed);
    listed.autoPagingToArray = async (limits: { limit: number }) => {
      const all = await readAll(limits);
      acted ??= act();
      await acted;
      return all;
    };
    return listed;
  };
  const stripe: Stripe = Object.create(options.stripe, { subscriptions: { value: acting } });
  return { stripe };
}

function answerTo({ pool }: Workshop, request: string) {
  return rowOf(pool, "select status, error_code from app_public.billing_requests where id = $1", [
    request,
  ]);
}

const GONE = { status: "failed", error_code: "no_subscription" };
const DONE = { status: "done", error_code: null };

test.for([
  ["preview_plan_change('enterprise')", GONE],
  ["change_plan('enterprise')", GONE],
  ["cancel_subscription(true)", DONE],
  ["cancel_subscription(false)", DONE],
] as const)(
  "%s while somebody ends the subscription is answered plainly, and nobody is alarmed",
  async ([call, answer], { workshop }) => {
    const { tenantId, subscription } = await payingTenant(workshop);
    const request = await askAsOwner(workshop, tenantId, call);
    const end = () => workshop.stripe.subscriptions.cancel(subscription);
    await workshop.settle(afterLooking(workshop, end));
    expect(await answerTo(workshop, request)).toEqual(answer);
    expect(await openAlarms(workshop, tenantId)).toEqual([]);
  },
);

test("resume_subscription() while somebody ends the subscription is answered plainly", async ({
  workshop,
}) => {
  const { tenantId, customer, subscription } = await payingTenant(workshop);
  await workshop.stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  await sync(workshop, customer);
  const request = await askAsOwner(workshop, tenantId, "resume_subscription()");
  const end = () => workshop.stripe.subscriptions.cancel(subscription);
  await workshop.settle(afterLooking(workshop, end));
  expect(await answerTo(workshop, request)).toEqual(GONE);
  expect(await openAlarms(workshop, tenantId)).toEqual([]);
});

test.for([
  ["create_checkout_session('pro')", DONE, 1],
  ["create_billing_portal_session()", DONE, 1],
  ["preview_plan_change('enterprise')", GONE, 0],
  ["change_plan('enterprise')", GONE, 0],
  ["cancel_subscription(true)", DONE, 0],
  ["resume_subscription()", GONE, 0],
] as const)(
  "S39: %s before the news that the customer was deleted is answered plainly, and nobody is alarmed",
  async ([call, answer, customersLeft], { workshop }) => {
    const { tenantId, customer, subscription } = await payingTenant(workshop);
    if (call.startsWith("create_checkout")) {
      await workshop.stripe.subscriptions.cancel(subscription);
      await sync(workshop, customer);
    }
    await workshop.stripe.customers.del(customer);
    const request = await askAsOwner(workshop, tenantId, call);
    await workshop.settle();
    expect(await answerTo(workshop, request)).toEqual(answer);
    expect(await openAlarms(workshop, tenantId)).toEqual([]);
    const { customers } = await workshop.atStripe(tenantId);
    expect(customers).toHaveLength(customersLeft);
  },
);

test.for(["preview_plan_change('enterprise')", "change_plan('enterprise')"])(
  "%s while somebody pauses the subscription is answered with that",
  async (call, { workshop }) => {
    const { tenantId, subscription } = await payingTenant(workshop);
    const request = await askAsOwner(workshop, tenantId, call);
    await workshop.stripe.subscriptions.pause(subscription);
    await workshop.settle();
    expect(await answerTo(workshop, request)).toEqual({ status: "failed", error_code: "paused" });
    expect(await openAlarms(workshop, tenantId)).toEqual([]);
  },
);

test("the plan that one has costs nothing to change to, also when it is cancelled by its period's end", async ({
  workshop,
}) => {
  const { tenantId, subscription } = await payingTenant(workshop);
  for (const isCancelled of [false, true]) {
    await workshop.stripe.subscriptions.update(subscription, { cancel_at_period_end: isCancelled });
    const request = await askAsOwner(workshop, tenantId, "preview_plan_change('pro')");
    await workshop.settle();
    expect(
      await rowOf(
        workshop.pool,
        "select status, total, amount_due, currency, lines from app_public.billing_requests where id = $1",
        [request],
      ),
    ).toEqual({ status: "done", total: 0, amount_due: 0, currency: "usd", lines: [] });
  }
});

test("a price that Stripe has stopped to sell, of which we have not heard yet, is answered plainly", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId } = await payingTenant(workshop);
  const { data } = await stripe.prices.list({ lookup_keys: ["enterprise_month"] });
  const price = data[0]?.id ?? "";
  await stripe.prices.update(price, { active: false });
  const request = await askAsOwner(workshop, tenantId, "change_plan('enterprise')");
  await workshop.settle();
  expect(await answerTo(workshop, request)).toEqual({ status: "failed", error_code: "not_sold" });
  await stripe.prices.update(price, { active: true });
});
