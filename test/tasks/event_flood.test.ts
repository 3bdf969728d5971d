/** The first of the month: of many events at once each counts, and each customer is copied once. */
import { deliver, deliverAtOnce, eventAbout, foundSubscriber } from "../support/deliveries.ts";
import { test, type GatedTasks } from "../support/gated_tasks.ts";
import { expect } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { stands } from "../support/synced.ts";
import type { Workshop } from "../support/tasks.ts";

const CUSTOMERS = 4;
const EVENTS_EACH = 50;

/** How many calls to Stripe were made to copy each of the customers. */
function copiesOf({ door }: GatedTasks, customers: readonly string[]): number[] {
  return customers.map(
    (customer) => door.calls.filter(({ call }) => call === `GET /v1/customers/${customer}`).length,
  );
}

function leftOf({ pool }: Workshop, customers: readonly string[]) {
  return rowsOf<{ status: string; count: number }>(
    pool,
    `select status, count(*)::integer as count from app_private.stripe_events
    where customer_id = any ($1) group by status`,
    [customers],
  );
}

/** Events of one customer after those of another, and so on. */
function floodOf(customers: readonly string[], count = EVENTS_EACH) {
  return Array.from({ length: count }).flatMap(() =>
    customers.map((customer) =>
      eventAbout("invoice.paid", { object: "invoice", id: "in_1", customer }),
    ),
  );
}

test("S61: many events that arrive at once are all processed, at the cost of one sync a customer", async ({
  workshop,
  gated,
}) => {
  const subscribers = [];
  for (let n = 0; n < CUSTOMERS; n += 1) subscribers.push(await foundSubscriber(workshop));
  const customers = subscribers.map(({ customer }) => customer);
  expect(copiesOf(gated, customers)).toEqual(customers.map(() => 0));

  const flood = floodOf(customers);
  const statuses = await deliverAtOnce(workshop, flood);
  expect(statuses).toEqual(flood.map(() => "pending"));
  expect(gated.door.calls).toEqual([]);
  await gated.runDue();
  expect(copiesOf(gated, customers)).toEqual(customers.map(() => 1));
  // What a sync asks besides the customer: its subscriptions, its invoices, its entitlements.
  expect(gated.door.calls).toHaveLength(4 * CUSTOMERS);
  expect(await leftOf(workshop, customers)).toEqual([{ status: "processed", count: flood.length }]);
  expect(await gated.jobs()).toEqual([]);
  for (const { tenantId } of subscribers) {
    expect(await stands(workshop, tenantId)).toMatchObject({ status: "active", access: "full" });
  }

  // What comes after a sync is no part of it, and costs another.
  await deliver(workshop, floodOf(customers.slice(0, 1), 1)[0] ?? {});
  await gated.runDue();
  expect(copiesOf(gated, customers)).toEqual([2, 1, 1, 1]);
});
