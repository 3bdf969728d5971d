import type Stripe from "stripe";

import { stripeProcessEvent } from "../../tasks/stripe_process_event.ts";
import { stripeSyncCustomer } from "../../tasks/stripe_sync_customer.ts";
import { DAY, standing } from "../support/billing.ts";
import { deliver, keptEvent, newestEvent } from "../support/deliveries.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { listing, paidTenant, priceOf, reading, stands, sync } from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("what Stripe says is what the tenant is: paid, overdue, paid again, ended", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await sync(workshop, customer);
  expect(await stands(workshop, tenantId)).toMatchObject({
    plan: "pro",
    status: "active",
    access: "full",
    client_secret: null,
    subscription,
  });

  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  await sync(workshop, customer);
  const { data } = await stripe.invoices.list({ customer, status: "open" });
  const since = data[0]?.status_transitions.finalized_at ?? 0;
  expect(await stands(workshop, tenantId)).toMatchObject({
    status: "past_due",
    access: "full",
    grace_ends_at: new Date((since + 14 * DAY) * 1000),
    client_secret: expect.stringContaining("_secret_"),
  });

  await stripe.invoices.pay(data[0]?.id ?? "");
  await sync(workshop, customer);
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "active", grace_ends_at: null });

  await stripe.subscriptions.cancel(subscription);
  await sync(workshop, customer);
  expect(await stands(workshop, tenantId)).toMatchObject({
    status: "suspended",
    access: "none",
    access_reason: "canceled",
  });
});

test("S34: a cancellation that is scheduled is shown, changes nothing else, and can be taken back", async ({
  workshop,
}) => {
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await workshop.stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  await sync(workshop, customer);
  const scheduled = await stands(workshop, tenantId);
  expect(scheduled).toMatchObject({ status: "active", access: "full" });
  expect(scheduled.cancel_at).toEqual(scheduled.current_period_end);
  await workshop.stripe.subscriptions.update(subscription, { cancel_at_period_end: false });
  await sync(workshop, customer);
  expect(await stands(workshop, tenantId)).toMatchObject({ cancel_at: null });
});

test("S17: what was read before a change is not written after it", async ({ workshop }) => {
  const { stripe, options, helpers } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  const subscriptions = listing(stripe.subscriptions, async (read) => {
    await stripe.subscriptions.cancel(subscription);
    await sync(workshop, customer);
    return read;
  });
  const late = { ...reading(stripe), subscriptions };
  await stripeSyncCustomer({ ...options, stripe: late })({ customer_id: customer }, helpers);
  expect(await stands(workshop, tenantId)).toMatchObject({ access_reason: "canceled" });
});

test("S19: an event that comes and is handed over while a sync runs gets another sync after it", async ({
  workshop,
}) => {
  const { stripe, pool, options, helpers } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  let reads = 0;
  let id = "";
  const subscriptions = listing(stripe.subscriptions, async (read) => {
    reads += 1;
    if (reads > 1) return read;
    await stripe.subscriptions.cancel(subscription);
    const event = await newestEvent(workshop, "customer.subscription.deleted");
    ({ id } = event);
    await deliver(workshop, event);
    // Another worker takes the event's job, does it and is done with it, while this one reads.
    await stripeProcessEvent(options)({ event_id: id }, helpers);
    await pool.query("delete from graphile_worker._private_jobs where key = $1", [
      `stripe_event:${id}`,
    ]);
    return read;
  });
  await pool.query("select app_private.request_customer_sync($1)", [customer]);
  const slow: Stripe = Object.create(options.stripe);
  slow.subscriptions = subscriptions;
  await workshop.settle({ stripe: slow });
  // The second waits for the customer's queue: it may have run by now, and it may not.
  await workshop.settle({ stripe: slow });
  expect(reads).toBe(2);
  expect(await stands(workshop, tenantId)).toMatchObject({ access_reason: "canceled" });
  expect(await keptEvent(workshop, id)).toMatchObject({ status: "processed" });
});

test("an event that is faster than our note of the customer gets it adopted", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const tenantId = await workshop.found();
  const { id } = await rowOf<{ id: string }>(
    pool,
    "select id from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const customer = await stripe.customers.create({
    metadata: { tenant_id: tenantId, intent_id: id },
  });
  await workshop.options.stripe.customers.retrieve(customer.id);
  await stripeSyncCustomer(workshop.options)({ customer_id: customer.id }, workshop.helpers);
  const account = () =>
    rowOf(pool, "select stripe_customer_id from app_public.billing_accounts where tenant_id = $1", [
      tenantId,
    ]);
  expect(await account()).toEqual({ stripe_customer_id: customer.id });
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
});

test("a customer that is none of ours is left alone, and its job is done", async ({ workshop }) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const before = await stands(workshop, tenantId);
  for (const metadata of [
    {},
    { tenant_id: tenantId },
    { tenant_id: tenantId, intent_id: "00000000-0000-7000-8000-000000000000" },
    { tenant_id: "garbage", intent_id: "garbage" },
  ]) {
    const { id } = await workshop.stripe.customers.create({ metadata });
    await sync(workshop, id);
    await workshop.stripe.customers.del(id);
    await sync(workshop, id);
  }
  await sync(workshop, "cus_thatneverwas");
  expect(await stands(workshop, tenantId)).toEqual(before);
  expect(await rowsOf(workshop.pool, "select from graphile_worker._private_jobs")).toEqual([]);
});

test("of more subscriptions than one page holds none is lost", async ({ workshop }) => {
  const { stripe, pool } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  const items = [{ price: await priceOf(workshop, "starter_month") }];
  for (let n = 0; n < 101; n += 1) {
    await stripe.subscriptions.create({ customer, items, payment_behavior: "default_incomplete" });
  }
  await sync(workshop, customer);
  const known = await rowsOf(
    pool,
    "select id from app_private.stripe_subscriptions where tenant_id = $1",
    [tenantId],
  );
  expect(known).toHaveLength(102);
  // The one that is paid is the oldest, so it comes last.
  expect(await stands(workshop, tenantId)).toMatchObject({ access: "full", subscription });
});

test("the end of a grace period comes as a job and suspends; before its time it does nothing", async ({
  workshop,
}) => {
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  await sync(workshop, customer);
  await withClient(workshop.database.urls.superuser, async (client) => {
    const due = (sql: string) => client.query(sql, [tenantId]);
    await due(
      "update graphile_worker._private_jobs set run_at = now() where key = 'end_grace_period:' || $1",
    );
    await workshop.settle();
    expect(await standing(client, tenantId)).toMatchObject({ status: "past_due", access: "full" });
    expect(
      await rowsOf(client, "select from graphile_worker._private_jobs where run_at > now()"),
    ).toHaveLength(1);

    await due(
      `update app_private.stripe_subscriptions set grace_ends_at = now() - interval '1 second'
      where tenant_id = $1`,
    );
    await due(
      "update graphile_worker._private_jobs set run_at = now() where key = 'end_grace_period:' || $1",
    );
    await workshop.settle();
    expect(await standing(client, tenantId)).toMatchObject({
      status: "suspended",
      access_reason: "grace_ended",
    });
    expect(await rowsOf(client, "select from graphile_worker._private_jobs")).toEqual([]);
  });
});
