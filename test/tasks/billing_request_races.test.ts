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
