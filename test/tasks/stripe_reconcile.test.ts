import type { Stripe } from "stripe";

import { expect } from "../support/index.ts";
import { runBooked } from "../support/paid_tenant.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";
import { withClient } from "../support/server.ts";

type Tenant = { tenantId: string; customer: string; subscription: string };

/** A tenant that is provisioned, has paid, and is synced. */
async function paidTenant(workshop: Workshop): Promise<Tenant> {
  const { stripe, pool } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const [customer = "", subscription = ""] = [customers[0]?.id, subscriptions[0]?.id];
  const { data } = await stripe.paymentIntents.list({ customer });
  await stripe.paymentIntents.confirm(data[0]?.id ?? "", { payment_method: "pm_card_visa" });
  await pool.query("select app_private.request_customer_sync($1)", [customer]);
  await workshop.settle();
  return { tenantId, customer, subscription };
}

/** Reconciles, lets what was booked run, and returns what was found. */
async function reconcile(workshop: Workshop): Promise<Record<string, number>> {
  await workshop.pool.query("select app_private.request_reconcile()");
  await workshop.settle();
  const { result } = await rowOf<{ result: Record<string, number> }>(
    workshop.pool,
    `select result from app_private.stripe_checks
    where kind = 'reconcile' and finished_at is not null order by started_at desc limit 1`,
  );
  return result;
}

async function statusOf({ database }: Workshop, tenantId: string): Promise<string | undefined> {
  return withClient(database.urls.superuser, async (client) => {
    const [tenant] = await rowsOf<{ status: string }>(
      client,
      "select status from app_public.tenants where id = $1",
      [tenantId],
    );
    return tenant?.status;
  });
}

function alarms({ pool }: Workshop, kind: string) {
  return rowsOf(
    pool,
    "select subject from app_private.alarms where kind = $1 and resolved_at is null order by subject",
    [kind],
  );
}

const CLEAN = { drifted: 0, adopted: 0, removed: 0, alarmed: 0, resumed: 0 };

test("S59: on a system in order a reconciliation finds nothing", async ({ workshop }) => {
  await paidTenant(workshop);
  expect(await reconcile(workshop)).toMatchObject(CLEAN);
  expect(await reconcile(workshop)).toMatchObject(CLEAN);
});

type Change = (stripe: Stripe, tenant: Tenant) => Promise<unknown>;

const CHANGES: [string, Change, string][] = [
  [
    "a subscription that ended",
    (stripe, { subscription }) => stripe.subscriptions.cancel(subscription),
    "suspended",
  ],
  [
    "a cancellation that was scheduled",
    (stripe, { subscription }) =>
      stripe.subscriptions.update(subscription, { cancel_at_period_end: true }),
    "active",
  ],
  [
    "a customer that was deleted",
    (stripe, { customer }) => stripe.customers.del(customer),
    "suspended",
  ],
  [
    "collection that was paused",
    (stripe, { subscription }) =>
      stripe.subscriptions.update(subscription, { pause_collection: { behavior: "void" } }),
    "active",
  ],
];

test.for(CHANGES)(
  "S59: %s, of which no event came, is found and repaired",
  async ([, change, status], { workshop }) => {
    const tenant = await paidTenant(workshop);
    await change(workshop.stripe, tenant);
    expect(await reconcile(workshop)).toMatchObject({ ...CLEAN, drifted: 1 });
    expect(await statusOf(workshop, tenant.tenantId)).toBe(status);
    await runBooked(workshop, "billing_drift:");
    expect(await alarms(workshop, "billing_drift")).toContainEqual({ subject: tenant.customer });
    expect(await reconcile(workshop)).toMatchObject(CLEAN);
  },
);

test("S59: a renewal that failed unseen is found by its open invoice", async ({ workshop }) => {
  const tenant = await paidTenant(workshop);
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  expect(await reconcile(workshop)).toMatchObject({ ...CLEAN, drifted: 1 });
  expect(await statusOf(workshop, tenant.tenantId)).toBe("past_due");
});

test.for(["pay", "voidInvoice"] as const)(
  "an invoice that was written off, and then settled unseen by %s, is found and repaired",
  async (settle, { workshop }) => {
    const { stripe, pool } = workshop;
    const { tenantId, customer, subscription } = await paidTenant(workshop);
    await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
    const { data } = await stripe.invoices.list({ customer, status: "open" });
    const id = data[0]?.id ?? "";
    await stripe.invoices.markUncollectible(id);
    // The next one is paid, so that the subscription says nothing of the one before.
    await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "pay" });
    await pool.query("select app_private.request_customer_sync($1)", [customer]);
    await workshop.settle();
    expect(await reconcile(workshop)).toMatchObject(CLEAN);
    const { status } = await stripe.invoices[settle](
      id,
      settle === "pay" ? { paid_out_of_band: true } : {},
    );
    expect(await reconcile(workshop)).toMatchObject({ ...CLEAN, drifted: 1 });
    const kept = await rowsOf(
      pool,
      "select status from app_public.invoices where tenant_id = $1 and id = $2",
      [tenantId, id],
    );
    expect(kept).toEqual([{ status }]);
    expect(await reconcile(workshop)).toMatchObject(CLEAN);
  },
);

test("a copy in our database that was damaged is found and repaired", async ({ workshop }) => {
  const { tenantId, subscription } = await paidTenant(workshop);
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query("update app_private.stripe_subscriptions set status = 'unpaid' where id = $1", [
      subscription,
    ]),
  );
  expect(await reconcile(workshop)).toMatchObject({ drifted: 1 });
  expect(await statusOf(workshop, tenantId)).toBe("active");
});

test("a customer whose sync is waiting is no drift", async ({ workshop }) => {
  const { customer, subscription } = await paidTenant(workshop);
  await workshop.stripe.subscriptions.cancel(subscription);
  await withClient(workshop.database.urls.superuser, async (client) => {
    await client.query("select app_private.request_customer_sync($1)", [customer]);
    await client.query(
      "update graphile_worker._private_jobs set run_at = now() + interval '1 hour' where key = $1",
      [`stripe_customer:${customer}`],
    );
    expect(await reconcile(workshop)).toMatchObject({ drifted: 0 });
    await client.query("update graphile_worker._private_jobs set run_at = now()");
  });
  await workshop.settle();
});

test("a customer made for a tenant that has another is removed, unless something was paid", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const { tenantId, customer } = await paidTenant(workshop);
  const { metadata } = await stripe.customers.retrieve(customer).then((found) => {
    if (found.deleted === true) throw new Error("The customer is gone");
    return found;
  });
  const loser = await stripe.customers.create({ metadata });
  const stranger = await stripe.customers.create({ metadata: { tenant_id: tenantId } });
  expect(await reconcile(workshop)).toMatchObject({ ...CLEAN, removed: 1 });
  expect(await stripe.customers.retrieve(loser.id)).toMatchObject({ deleted: true });
  expect(await stripe.customers.retrieve(stranger.id)).not.toHaveProperty("deleted", true);

  const paying = await stripe.customers.create({
    metadata,
    payment_method: "pm_card_visa",
    invoice_settings: { default_payment_method: "pm_card_visa" },
  });
  const { data: prices } = await stripe.prices.list({ lookup_keys: ["pro_month"] });
  await stripe.subscriptions.create({
    customer: paying.id,
    items: [{ price: prices[0]?.id ?? "" }],
  });
  expect(await reconcile(workshop)).toMatchObject({ ...CLEAN, alarmed: 1 });
  expect(await alarms(workshop, "stray_customer")).toEqual([{ subject: paying.id }]);
  expect(await stripe.customers.retrieve(paying.id)).not.toHaveProperty("deleted", true);
  await stripe.customers.del(paying.id);
  await pool.query("select app_private.resolve_alarm('stray_customer', $1)", [paying.id]);
});

test("a tenant whose provisioning was lost is provisioned after an hour, not before", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await withClient(workshop.database.urls.superuser, async (client) => {
    await client.query("delete from graphile_worker._private_jobs");
    expect(await reconcile(workshop)).toMatchObject({ resumed: 0 });
    await client.query(
      "update app_private.billing_intents set created_at = now() - interval '61 minutes' where tenant_id = $1",
      [tenantId],
    );
  });
  expect(await reconcile(workshop)).toMatchObject({ resumed: 1 });
  expect(await statusOf(workshop, tenantId)).toBe("incomplete");
});

test("what a deleted customer owed does not make the tenant's next customer differ each night", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const [first] = (await workshop.atStripe(tenantId)).customers;
  await stripe.customers.del(first?.id ?? "");
  await pool.query("select app_private.request_customer_sync($1)", [first?.id]);
  await workshop.settle();
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query("select app_private.renew_billing_intent($1)", [tenantId]),
  );
  await workshop.settle();
  const { customers } = await workshop.atStripe(tenantId);
  expect(customers).toHaveLength(1);
  expect(await reconcile(workshop)).toMatchObject(CLEAN);
});
