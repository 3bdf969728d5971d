/** Two deployments, each with its own database, that share one account at Stripe. */
import type Stripe from "stripe";

import { stripeProvisionTenant } from "../../tasks/stripe_provision_tenant.ts";
import { expect, withClient, withDatabase } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { paidTenant, sync } from "../support/synced.ts";
import { test as base, withWorkshop, type Workshop } from "../support/tasks.ts";

/** `workshop` and `neighbour` know nothing of each other but what they see at Stripe. */
const test = base.extend<{ $file: { neighbour: Workshop } }>({
  neighbour: [
    async ({ workshop }, use) => {
      await withDatabase("migrated", (database) => withWorkshop(database, workshop.stripeUrl, use));
    },
    { scope: "file" },
  ],
});

const CLEAN = { drifted: 0, adopted: 0, removed: 0, alarmed: 0, resumed: 0 };

/** What the clock does each hour and each night; what the comparison found. */
async function look({ pool, settle }: Workshop): Promise<Record<string, number>> {
  await pool.query("select app_private.request_poll()");
  await settle();
  await pool.query("select app_private.request_reconcile()");
  await settle();
  const { result } = await rowOf<{ result: Record<string, number> }>(
    pool,
    `select result from app_private.stripe_checks
    where kind = 'reconcile' and finished_at is not null order by started_at desc limit 1`,
  );
  return result;
}

/** Everything that a deployment might lay hands on, as Stripe has it. */
async function everything({ stripe }: Workshop) {
  const all = { limit: 100 };
  const [customers, subscriptions, invoices] = await Promise.all([
    stripe.customers.list(all).autoPagingToArray({ limit: 1000 }),
    stripe.subscriptions.list({ ...all, status: "all" }).autoPagingToArray({ limit: 1000 }),
    stripe.invoices.list(all).autoPagingToArray({ limit: 1000 }),
  ]);
  return { customers, subscriptions, invoices };
}

/** Whose customers a deployment holds, and what its operator is told. */
async function heldBy({ pool }: Workshop) {
  const customers = await rowsOf<{ id: string }>(
    pool,
    "select id from app_private.stripe_customers order by id",
  );
  const alarms = await rowsOf(
    pool,
    "select kind, subject from app_private.alarms where resolved_at is null",
  );
  return { customers: customers.map(({ id }) => id), alarms };
}

/** A customer whose maker died before it could note it. */
async function stray(workshop: Workshop): Promise<{ tenantId: string; customer: string }> {
  const { stripe, helpers } = workshop;
  const tenantId = await workshop.found();
  const customers: Stripe["customers"] = Object.create(stripe.customers);
  customers.create = async (...args: Parameters<typeof stripe.customers.create>) => {
    await stripe.customers.create(...args);
    throw new Error("died");
  };
  const dying: Stripe = Object.create(stripe, { customers: { value: customers } });
  const run = stripeProvisionTenant({ stripe: dying, configuredPrices: {} });
  await expect(run({ tenant_id: tenantId }, helpers)).rejects.toThrow("died");
  // Nor is anybody left who would try again.
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query("delete from graphile_worker._private_jobs"),
  );
  const made = await workshop.atStripe(tenantId);
  return { tenantId, customer: made.customers[0]?.id ?? "" };
}

test("S24: two deployments on one account copy, change and remove nothing of each other's", async ({
  workshop,
  neighbour,
}) => {
  const ours = await paidTenant(workshop);
  const theirs = await paidTenant(neighbour);
  await sync(workshop, ours.customer);
  await sync(neighbour, theirs.customer);
  const before = await everything(workshop);
  for (const deployment of [workshop, neighbour, workshop, neighbour]) {
    expect(await look(deployment)).toMatchObject(CLEAN);
  }
  expect(await everything(workshop)).toEqual(before);
  expect(await heldBy(workshop)).toEqual({ customers: [ours.customer], alarms: [] });
  expect(await heldBy(neighbour)).toEqual({ customers: [theirs.customer], alarms: [] });

  // Whose customer an event or an operator names, when it is a neighbour's, changes nothing either.
  await sync(neighbour, ours.customer);
  expect(await heldBy(neighbour)).toEqual({ customers: [theirs.customer], alarms: [] });
});

test("S24: a customer that nobody has noted is its own deployment's to adopt, whoever looks first", async ({
  workshop,
  neighbour,
}) => {
  const { tenantId, customer } = await stray(workshop);
  expect(await look(neighbour)).toMatchObject(CLEAN);
  expect((await heldBy(neighbour)).customers).not.toContain(customer);
  expect(await look(workshop)).toMatchObject({ removed: 0, alarmed: 0 });
  expect((await heldBy(workshop)).customers).toContain(customer);
  expect((await workshop.atStripe(tenantId)).customers).toHaveLength(1);
});

test("S24: a tenant that ends in one deployment takes nothing of the other's with it", async ({
  workshop,
  neighbour,
}) => {
  const ours = await paidTenant(workshop);
  const theirs = await paidTenant(neighbour);
  await withClient(neighbour.database.urls.superuser, async (client) => {
    await client.query("delete from app_public.tenants where id = $1", [theirs.tenantId]);
    await client.query("update graphile_worker._private_jobs set run_at = now()");
  });
  await neighbour.settle();
  expect((await neighbour.atStripe(theirs.tenantId)).subscriptions).toMatchObject([
    { status: "canceled" },
  ]);
  expect((await workshop.atStripe(ours.tenantId)).subscriptions).toMatchObject([
    { status: "active" },
  ]);
});
