/** Whoever closes a tenant has nobody charged for it afterwards, whatever was under way. */
import type Stripe from "stripe";

import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect, withClient } from "../support/index.ts";
import { paidTenant, syncCustomer, type PaidTenant } from "../support/paid_tenant.ts";
import { rowOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const CHECKOUT = "create_checkout_session('pro')";

const close = ({ database }: Workshop, tenantId: string) =>
  withClient(database.urls.superuser, (client) =>
    client.query("update app_public.tenants set status = 'closed', access = 'none' where id = $1", [
      tenantId,
    ]),
  );

/** A tenant that has paid once, so that its customer is kept, and has no subscription any more. */
async function lapsedTenant(workshop: Workshop): Promise<PaidTenant> {
  const tenant = await paidTenant(workshop);
  await workshop.stripe.subscriptions.cancel(tenant.subscription);
  await syncCustomer(workshop, tenant.customer);
  return tenant;
}

async function openPagesOf({ stripe }: Workshop, { customer }: PaidTenant): Promise<number> {
  const { data } = await stripe.checkout.sessions.list({ customer, status: "open" });
  return data.length;
}

const answerTo = ({ pool }: Workshop, id: string) =>
  rowOf(pool, "select status, error_code from app_public.billing_requests where id = $1", [id]);

test("a page to subscribe on is closed with its tenant", async ({ workshop }) => {
  const tenant = await lapsedTenant(workshop);
  await askAsOwner(workshop, tenant.tenantId, CHECKOUT);
  await workshop.settle();
  expect(await openPagesOf(workshop, tenant)).toBe(1);
  await close(workshop, tenant.tenantId);
  await workshop.settle();
  expect(await openPagesOf(workshop, tenant)).toBe(0);
});

test("a request that waits while its tenant is closed is refused", async ({ workshop }) => {
  const tenant = await lapsedTenant(workshop);
  const id = await askAsOwner(workshop, tenant.tenantId, CHECKOUT);
  await close(workshop, tenant.tenantId);
  await workshop.settle();
  expect(await answerTo(workshop, id)).toEqual({ status: "failed", error_code: "refused" });
  expect(await openPagesOf(workshop, tenant)).toBe(0);
});

test("a page that is made while its tenant is closed and withdrawn is closed after it", async ({
  workshop,
}) => {
  const tenant = await lapsedTenant(workshop);
  const id = await askAsOwner(workshop, tenant.tenantId, CHECKOUT);
  const { stripe } = workshop.options;
  const sessions: Stripe["checkout"]["sessions"] = Object.create(stripe.checkout.sessions);
  sessions.create = async (...args: Parameters<typeof stripe.checkout.sessions.create>) => {
    await close(workshop, tenant.tenantId);
    await withClient(workshop.database.urls.superuser, (client) =>
      client.query("delete from graphile_worker._private_jobs where key like 'stripe_withdraw%'"),
    );
    return stripe.checkout.sessions.create(...args);
  };
  const checkout: Stripe["checkout"] = Object.create(stripe.checkout, {
    sessions: { value: sessions },
  });
  const late: Stripe = Object.create(stripe, { checkout: { value: checkout } });
  await workshop.settle({ stripe: late });
  expect(await answerTo(workshop, id)).toEqual({ status: "done", error_code: null });
  expect(await openPagesOf(workshop, tenant)).toBe(0);
});

test("a subscription that a closed tenant turns out to have is cancelled", async ({ workshop }) => {
  const { stripe } = workshop;
  const tenant = await lapsedTenant(workshop);
  await close(workshop, tenant.tenantId);
  await workshop.settle();
  const { data: prices } = await stripe.prices.list({ lookup_keys: ["pro_month"] });
  const { id } = await stripe.subscriptions.create({
    customer: tenant.customer,
    items: [{ price: prices[0]?.id ?? "" }],
    payment_behavior: "default_incomplete",
  });
  await syncCustomer(workshop, tenant.customer);
  expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: "canceled" });
});
