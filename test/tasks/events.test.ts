/** What becomes of events, from the inbox to what their tenants may do. */
import type { Stripe } from "stripe";

import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import {
  deliver,
  eventAbout,
  foundSubscriber,
  keptEvent,
  newestEvent,
} from "../support/deliveries.ts";
import { expect, withClient } from "../support/index.ts";
import { bookedJobs, openAlarms } from "../support/inbox.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { stands } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** What was to be done later is done now. */
async function hasten(workshop: Workshop): Promise<void> {
  await workshop.pool.query(
    "update graphile_worker._private_jobs set run_at = now() where key like 'stripe_%'",
  );
  await workshop.settle();
}

function longAgo({ database }: Workshop, id: string): Promise<unknown> {
  return withClient(database.urls.superuser, (client) =>
    client.query(
      `update app_private.stripe_events set received_at = received_at - interval '5 minutes'
      where id = $1`,
      [id],
    ),
  );
}

/** Alarms about these subjects; other tests of the file have theirs. */
async function alarmsOf({ pool }: Workshop, ...subjects: string[]) {
  return (await openAlarms(pool)).filter(({ subject }) => subjects.includes(subject));
}

test("S2: two events of one change are both processed, and leave what one would", async ({
  workshop,
}) => {
  const { tenantId } = await foundSubscriber(workshop);
  const event = await newestEvent(workshop, "customer.subscription.updated");
  const twin = { ...event, id: `${event.id}twin` };
  await deliver(workshop, event);
  await workshop.settle();
  const once = await stands(workshop, tenantId);
  await deliver(workshop, twin);
  await workshop.settle();
  expect(once).toMatchObject({ status: "active", access: "full" });
  expect(await stands(workshop, tenantId)).toEqual(once);
  for (const { id } of [event, twin]) {
    expect(await keptEvent(workshop, id)).toMatchObject({ status: "processed" });
  }
});

test("S13: an event of another version, or one that says what is not so, is only a reason to ask", async ({
  workshop,
}) => {
  const { tenantId, customer, subscription } = await foundSubscriber(workshop);
  const event = eventAbout(
    "customer.subscription.updated",
    { object: "subscription", id: subscription, customer, status: "canceled", plan: "enterprise" },
    { api_version: "2019-12-03" },
  );
  await deliver(workshop, event);
  await workshop.settle();
  expect(await stands(workshop, tenantId)).toMatchObject({
    plan: "pro",
    status: "active",
    access: "full",
  });
});

test("S22: an event whose sync fails 25 times is failed and alarms; replayed, it converges", async ({
  workshop,
}) => {
  const { tenantId, customer } = await foundSubscriber(workshop);
  const event = await newestEvent(workshop, "invoice.paid");
  await deliver(workshop, event);
  const customers: Stripe["customers"] = Object.create(workshop.options.stripe.customers);
  customers.retrieve = () => Promise.reject(new Error("Stripe is not itself today"));
  const stripe: Stripe = Object.create(workshop.options.stripe, {
    customers: { value: customers },
  });
  const attempts = async () => {
    const jobs = await rowsOf<{ attempts: number }>(
      workshop.pool,
      "select attempts from graphile_worker._private_jobs where key = $1",
      [`stripe_customer:${customer}`],
    );
    return jobs[0]?.attempts ?? 0;
  };
  while ((await attempts()) < 25) {
    // Throws when it has tried often enough for itself, which is not often enough for the job.
    await workshop.settle({ stripe }).catch(() => undefined);
  }
  expect(await keptEvent(workshop, event.id)).toMatchObject({ status: "pending" });

  await workshop.pool.query("select app_private.tend_stripe_events()");
  expect(await keptEvent(workshop, event.id)).toEqual({
    status: "failed",
    customer_id: customer,
    reason: "Stripe is not itself today",
  });
  const alarm = { kind: "stripe_event_failed", subject: customer, times: 1 };
  expect(await alarmsOf(workshop, customer)).toEqual([alarm]);
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "incomplete" });

  await workshop.pool.query("select app_private.replay_stripe_event($1)", [event.id]);
  await workshop.settle();
  expect(await keptEvent(workshop, event.id)).toMatchObject({ status: "processed", reason: null });
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "active", access: "full" });
  expect(await alarmsOf(workshop, customer)).toEqual([]);
});

test("S23: an event of a customer whom we note only later is applied after all", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const { tenantId } = await foundSubscriber(workshop);
  const { id: customer } = await stripe.customers.create({ name: "Not noted yet" });
  const event = await newestEvent(workshop, "customer.created");
  await deliver(workshop, { ...event, type: "customer.updated" });
  await workshop.settle();
  expect(await keptEvent(workshop, event.id)).toMatchObject({ status: "pending" });
  expect((await bookedJobs(pool)).map(({ key }) => key)).toContain(`stripe_customer:${customer}`);

  await pool.query("insert into app_private.stripe_customers (tenant_id, id) values ($1, $2)", [
    tenantId,
    customer,
  ]);
  await hasten(workshop);
  expect(await keptEvent(workshop, event.id)).toMatchObject({ status: "processed" });
  expect(
    await rowOf(
      pool,
      "select sync_seq > 0 as is_synced from app_private.stripe_customers where id = $1",
      [customer],
    ),
  ).toEqual({ is_synced: true });
});

test("S24: an event of another deployment's customer is parked, not an error, and asked about no more", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  await stripe.customers.create({
    metadata: {
      deployment_id: "another",
      tenant_id: "00000000-0000-7000-8000-000000000001",
      intent_id: "00000000-0000-7000-8000-000000000002",
    },
  });
  const event = await newestEvent(workshop, "customer.created");
  await deliver(workshop, { ...event, type: "customer.updated" });
  await workshop.settle();
  await longAgo(workshop, event.id);
  await hasten(workshop);
  expect(await keptEvent(workshop, event.id)).toMatchObject({
    status: "foreign",
    reason: "No tenant here has this customer",
  });
  const { id: customer } = event.data.object as { id: string };
  expect((await bookedJobs(pool)).map(({ key }) => key)).not.toContain(
    `stripe_customer:${customer}`,
  );
  expect(await alarmsOf(workshop, event.id, customer)).toEqual([]);
});

test("S25: a customer whose metadata names another tenant stays its own tenant's, and alarms", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const a = await foundSubscriber(workshop);
  const tenantB = await workshop.found();
  await workshop.settle();
  const before = await stands(workshop, tenantB);
  await stripe.customers.update(a.customer, { metadata: { tenant_id: tenantB } });
  const event = await newestEvent(workshop, "customer.updated");
  await deliver(workshop, event);
  await workshop.settle();
  expect(await stands(workshop, a.tenantId)).toMatchObject({ status: "active", access: "full" });
  expect(await stands(workshop, tenantB)).toEqual(before);
  expect(await alarmsOf(workshop, a.customer)).toEqual([
    { kind: "tenant_mismatch", subject: a.customer, times: 1 },
  ]);

  await stripe.customers.update(a.customer, { metadata: { tenant_id: a.tenantId } });
  await deliver(workshop, await newestEvent(workshop, "customer.updated"));
  await workshop.settle();
  expect(await alarmsOf(workshop, a.customer)).toEqual([]);
});

test("S2: two events of one failed payment are one mail", async ({ workshop }) => {
  const { tenantId, subscription } = await foundSubscriber(workshop);
  await deliver(workshop, await newestEvent(workshop, "invoice.paid"));
  await workshop.settle();
  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  const event = await newestEvent(workshop, "invoice.payment_failed");
  workshop.mails.length = 0;
  for (const each of [event, { ...event, id: `${event.id}twin` }]) {
    await deliver(workshop, each);
    await workshop.settle();
    expect(await keptEvent(workshop, each.id)).toMatchObject({ status: "processed" });
    expect(await stands(workshop, tenantId)).toMatchObject({ status: "past_due", access: "full" });
    expect(workshop.mails.map(({ subject }) => subject)).toEqual(["The payment for Acme failed"]);
  }
});

test.for([
  ["S11", "invoice.upcoming", "invoice"],
  [
    "S12",
    "entitlements.active_entitlement_summary.updated",
    "entitlements.active_entitlement_summary",
  ],
] as const)(
  "%s: %s, which is about something without an id, has the customer copied that it names",
  async ([, type, object], { workshop }) => {
    const { tenantId, customer } = await foundSubscriber(workshop);
    const event = eventAbout(type, { object, customer });
    await deliver(workshop, event);
    await workshop.settle();
    expect(await keptEvent(workshop, event.id)).toMatchObject({
      status: "processed",
      customer_id: customer,
    });
    expect(await stands(workshop, tenantId)).toMatchObject({ status: "active", access: "full" });
  },
);

test("S23: an event that is faster than our own note of the customer is applied, and the note made", async ({
  workshop,
}) => {
  const { stripe, pool, helpers } = workshop;
  const tenantId = await workshop.found();
  // The call that makes the customer fails after it was made; the event comes before the retry.
  await workshop.control("faults", { kind: "500_after", method: "POST", path: "/v1/customers" });
  const run = stripeProvisionTenant({ stripe, configuredPrices: {} });
  await expect(run({ tenant_id: tenantId }, helpers)).rejects.toMatchObject({ statusCode: 500 });
  await pool.query("update graphile_worker._private_jobs set run_at = now() + interval '1 hour'");
  const [made] = (await workshop.atStripe(tenantId)).customers;
  const noted = () =>
    rowsOf(pool, "select id from app_private.stripe_customers where tenant_id = $1", [tenantId]);
  expect(await noted()).toEqual([]);

  await stripe.customers.update(made?.id ?? "", { phone: "+1 555 0100" });
  const event = await newestEvent(workshop, "customer.updated");
  await deliver(workshop, event);
  await workshop.settle();
  expect(await keptEvent(workshop, event.id)).toMatchObject({ status: "processed" });
  expect(await noted()).toEqual([{ id: made?.id }]);
  await hasten(workshop);
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
});
