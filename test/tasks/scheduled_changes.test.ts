/** A subscription that a schedule of Stripe's changes, which somebody agreed on in the dashboard. */
import type Stripe from "stripe";

import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { openAlarms, paidTenant, sync } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** Tasks that find every subscription under a schedule; the emulator makes none. */
function underSchedule({ options }: Workshop) {
  const { subscriptions } = options.stripe;
  const scheduled: typeof subscriptions = Object.create(subscriptions);
  scheduled.list = (params) => {
    const listed = subscriptions.list(params);
    const readAll = listed.autoPagingToArray.bind(listed);
    listed.autoPagingToArray = async (limits: { limit: number }) =>
      (await readAll(limits)).map((each) => ({ ...each, schedule: "sub_sched_1" }));
    return listed;
  };
  const stripe: Stripe = Object.create(options.stripe, { subscriptions: { value: scheduled } });
  return { stripe };
}

const LEFT = { status: "failed", error_code: "scheduled_change" };

test.for([
  ["preview_plan_change('enterprise')", LEFT, "active"],
  ["change_plan('enterprise')", LEFT, "active"],
  ["cancel_subscription(true)", LEFT, "active"],
  ["cancel_subscription(false)", { status: "done", error_code: null }, "canceled"],
] as const)(
  "of a subscription under a schedule, %s leaves what was agreed on, and alarms nobody",
  async ([call, answer, status], { workshop }) => {
    const { tenantId, customer, subscription } = await paidTenant(workshop);
    await sync(workshop, customer);
    const request = await askAsOwner(workshop, tenantId, call);
    await workshop.settle(underSchedule(workshop));
    expect(
      await rowOf(
        workshop.pool,
        "select status, error_code from app_public.billing_requests where id = $1",
        [request],
      ),
    ).toEqual(answer);
    expect(await openAlarms(workshop, tenantId)).toEqual([]);
    const { items, ...found } = await workshop.stripe.subscriptions.retrieve(subscription);
    expect([found.status, found.cancel_at]).toEqual([status, null]);
    expect(items.data.map(({ price }) => price.lookup_key)).toEqual(["pro_month"]);
  },
);
