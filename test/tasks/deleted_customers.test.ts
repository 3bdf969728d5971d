/** What a customer owed that was deleted at Stripe: its invoices outlive it there, and so they do here. */
import { expect } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { paidTenant, sync, type Paid } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** Our copy of what a customer was asked to pay, the first payment first. */
function held({ pool }: Workshop, customer: string) {
  return rowsOf(
    pool,
    `select status, next_payment_attempt_at from app_public.invoices
    where customer_id = $1 order by billing_reason`,
    [customer],
  );
}

/** A tenant whose last payment failed, and whose customer was deleted after that. */
async function deletedDebtor(workshop: Workshop): Promise<Paid & { invoice: string }> {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  await sync(workshop, tenant.customer);
  const { data } = await stripe.invoices.list({ customer: tenant.customer, status: "open" });
  await stripe.customers.del(tenant.customer);
  return { ...tenant, invoice: data[0]?.id ?? "" };
}

/** How many copies differed in a comparison of everything, after which all is repaired. */
async function drifted(workshop: Workshop): Promise<number> {
  await workshop.pool.query("select app_private.request_reconcile()");
  await workshop.settle();
  const { result } = await rowOf<{ result: { drifted: number } }>(
    workshop.pool,
    `select result from app_private.stripe_checks
    where kind = 'reconcile' and finished_at is not null order by started_at desc limit 1`,
  );
  return result.drifted;
}

test("S39: a first invoice that was never paid is void with its customer", async ({ workshop }) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers } = await workshop.atStripe(tenantId);
  const customer = customers[0]?.id ?? "";
  expect(await held(workshop, customer)).toMatchObject([{ status: "open" }]);
  await workshop.stripe.customers.del(customer);
  await sync(workshop, customer);
  expect(await held(workshop, customer)).toMatchObject([{ status: "void" }]);
  expect(await drifted(workshop)).toBe(0);
});

test("S39: a debt outlives its customer, uncollected, until somebody at Stripe writes it off", async ({
  workshop,
}) => {
  const { customer, invoice } = await deletedDebtor(workshop);
  await sync(workshop, customer);
  const [, debt] = await held(workshop, customer);
  expect(debt).toMatchObject({ status: "open", next_payment_attempt_at: null });
  expect(await drifted(workshop)).toBe(0);

  await workshop.stripe.invoices.markUncollectible(invoice);
  await sync(workshop, customer);
  expect((await held(workshop, customer))[1]).toMatchObject({ status: "uncollectible" });
  await workshop.stripe.invoices.voidInvoice(invoice);
  await sync(workshop, customer);
  expect((await held(workshop, customer))[1]).toMatchObject({ status: "void" });
  expect(await drifted(workshop)).toBe(0);
});

test("S59: a deleted customer's debt that ended unseen is found, once", async ({ workshop }) => {
  const { tenantId, customer, invoice } = await deletedDebtor(workshop);
  await sync(workshop, customer);
  await workshop.pool.query("select app_private.renew_billing_intent($1)", [tenantId]);
  await workshop.settle();
  expect(await drifted(workshop)).toBe(0);

  await workshop.stripe.invoices.voidInvoice(invoice);
  expect(await drifted(workshop)).toBe(1);
  expect((await held(workshop, customer))[1]).toMatchObject({ status: "void" });
  expect(await drifted(workshop)).toBe(0);
});
