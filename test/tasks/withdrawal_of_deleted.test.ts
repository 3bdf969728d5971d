/** A tenant whose row is deleted is charged no more, whatever its customer says at Stripe. */
import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import { stripeWithdrawTenant } from "../../tasks/stripe_withdraw_tenant.ts";
import { diesAt } from "../support/dying.ts";
import { expect, withClient } from "../support/index.ts";
import { paidTenant, type PaidTenant } from "../support/paid_tenant.ts";
import { rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const UNNAMED = { metadata: { tenant_id: "", intent_id: "" } };

const asSuperuser = ({ database }: Workshop, sql: string, values: unknown[]) =>
  withClient(database.urls.superuser, (client) => rowsOf(client, sql, values));

const remove = (workshop: Workshop, tenantId: string) =>
  asSuperuser(workshop, "delete from app_public.tenants where id = $1", [tenantId]);

const subscriptionOf = async ({ stripe }: Workshop, { subscription }: PaidTenant) =>
  (await stripe.subscriptions.retrieve(subscription)).status;

/** What the jobs of a tenant's withdrawal were told, the sooner one first. */
async function bookedFor(workshop: Workshop, tenantId: string) {
  const rows = await asSuperuser(
    workshop,
    `select payload, run_at <= now() as is_due from graphile_worker._private_jobs
    where key like 'stripe_withdraw_tenant:' || $1 || '%' order by run_at`,
    [tenantId],
  );
  return rows.map((row) => ({ ...row }));
}

test("a deleted tenant's subscription ends at once, though its customer names no tenant any more", async ({
  workshop,
}) => {
  const tenant = await paidTenant(workshop);
  await workshop.stripe.customers.update(tenant.customer, UNNAMED);
  await remove(workshop, tenant.tenantId);
  await workshop.settle();
  expect(await subscriptionOf(workshop, tenant)).toBe("canceled");
  // It has paid: its invoices are kept.
  expect(await workshop.stripe.customers.retrieve(tenant.customer)).not.toHaveProperty("deleted");
});

test("so do the customers that it had besides, and one that never paid is deleted; no other tenant's", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const neighbour = await paidTenant(workshop);
  const tenantId = await workshop.found();
  await workshop.settle();
  const [current] = (await workshop.atStripe(tenantId)).customers;
  const [earlier, gone] = [await stripe.customers.create({}), await stripe.customers.create({})];
  await asSuperuser(
    workshop,
    `insert into app_private.stripe_customers (tenant_id, id, is_deleted)
    values ($1, $2, false), ($1, $3, true)`,
    [tenantId, earlier.id, gone.id],
  );
  await stripe.customers.update(current?.id ?? "", UNNAMED);
  await remove(workshop, tenantId);
  const customer_ids = [current?.id ?? "", earlier.id].toSorted((one, other) =>
    one < other ? -1 : 1,
  );
  const payload = { tenant_id: tenantId, customer_ids };
  expect(await bookedFor(workshop, tenantId)).toEqual([
    { payload, is_due: true },
    { payload, is_due: false },
  ]);
  // The job is all that still names them, so that whoever looks at it must see them.
  const shown = await asSuperuser(
    workshop,
    "select app_private.shown_payload($1::json) ->> 'customer_ids' as ids",
    [JSON.stringify(payload)],
  );
  expect(JSON.parse(String(shown[0]?.["ids"]))).toEqual(customer_ids);
  await workshop.settle();
  for (const id of customer_ids) {
    expect(await stripe.customers.retrieve(id)).toMatchObject({ deleted: true });
  }
  expect(await subscriptionOf(workshop, neighbour)).toBe("active");
});

test("what was never noted here is found by its metadata, ten minutes later, when Stripe's search has it", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId } = await paidTenant(workshop);
  await remove(workshop, tenantId);
  await workshop.settle();
  const late = await stripe.customers.create({ metadata: { tenant_id: tenantId } });
  await workshop.settle();
  expect(await stripe.customers.retrieve(late.id)).not.toHaveProperty("deleted");
  await asSuperuser(
    workshop,
    `update graphile_worker._private_jobs set run_at = run_at - interval '10 minutes'
    where key like 'stripe_withdraw_tenant:' || $1 || '%'`,
    [tenantId],
  );
  await workshop.settle();
  expect(await stripe.customers.retrieve(late.id)).toMatchObject({ deleted: true });
  expect(await bookedFor(workshop, tenantId)).toEqual([]);
});

test("where Stripe can't be searched, what is known is ended before the job fails", async ({
  workshop,
}) => {
  const { stripe } = workshop.options;
  const tenant = await paidTenant(workshop);
  await remove(workshop, tenant.tenantId);
  const customers: Stripe["customers"] = Object.create(stripe.customers);
  customers.search = () => {
    throw new Error("No search here");
  };
  const unsearchable: Stripe = Object.create(stripe, { customers: { value: customers } });
  await expect(workshop.settle({ stripe: unsearchable }, { tries: 2 })).rejects.toThrow(
    "No search",
  );
  expect(await subscriptionOf(workshop, tenant)).toBe("canceled");
  await workshop.settle();
});

test("a death at any step of it, and the next, leaves nothing that is charged", async ({
  workshop,
}) => {
  const tenant = await paidTenant(workshop);
  await workshop.stripe.customers.update(tenant.customer, UNNAMED);
  await remove(workshop, tenant.tenantId);
  const payload = { tenant_id: tenant.tenantId, customer_ids: [tenant.customer] };
  const run = (stripe: Stripe, helpers: JobHelpers) =>
    stripeWithdrawTenant(stripe)(payload, helpers);
  let point = 0;
  while (await diesAt(workshop, point, run)) point += 1;
  expect(point).toBeGreaterThan(5);
  expect(await subscriptionOf(workshop, tenant)).toBe("canceled");
  await workshop.settle();
});

test("a customer that another tenant counts on is left to it, whoever else is named or was noted", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const named = await paidTenant(workshop);
  const noted = await paidTenant(workshop);
  const { tenantId } = await paidTenant(workshop);
  await stripe.customers.update(named.customer, { metadata: { tenant_id: tenantId } });
  await remove(workshop, tenantId);
  await asSuperuser(
    workshop,
    `update graphile_worker._private_jobs set
      run_at = now(),
      payload = json_build_object('tenant_id', $1::uuid, 'customer_ids', json_build_array($2::text))
    where key like 'stripe_withdraw_tenant:' || $1 || '%'`,
    [tenantId, noted.customer],
  );
  await workshop.settle();
  expect(await subscriptionOf(workshop, named)).toBe("active");
  expect(await subscriptionOf(workshop, noted)).toBe("active");
});

test("a tenant that is there is not withdrawn, whatever the job names", async ({ workshop }) => {
  const tenant = await paidTenant(workshop);
  const payload = { tenant_id: tenant.tenantId, customer_ids: [tenant.customer] };
  await stripeWithdrawTenant(workshop.stripe)(payload, workshop.helpers);
  expect(await subscriptionOf(workshop, tenant)).toBe("active");
});

test("a customer that Stripe does not know, or knows as deleted, holds nothing up", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  const gone = await stripe.customers.create({});
  await stripe.customers.del(gone.id);
  await remove(workshop, tenant.tenantId);
  await stripeWithdrawTenant(stripe)(
    { tenant_id: tenant.tenantId, customer_ids: ["cus_nobody", gone.id, tenant.customer] },
    workshop.helpers,
  );
  expect(await subscriptionOf(workshop, tenant)).toBe("canceled");
  await expect(
    Promise.resolve(
      stripeWithdrawTenant(stripe)(
        { tenant_id: tenant.tenantId, customer_ids: ["sub_1"] },
        workshop.helpers,
      ),
    ),
  ).rejects.toThrow('"customer_ids" must be Stripe ids that start with cus_');
});
