/** Money that is taken for a tenant that is closed: an operator hears of it, and decides. */
import { press } from "../dev/stripe_hosted.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { paidTenant, priceOf, sync, type Paid } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

type Looking = Paid & { url: string };

/** A tenant that has paid once, has no subscription any more, and looks at a page for another. */
async function lookingAtPage(workshop: Workshop): Promise<Looking> {
  const tenant = await paidTenant(workshop);
  await workshop.stripe.subscriptions.cancel(tenant.subscription);
  await sync(workshop, tenant.customer);
  const id = await askAsOwner(workshop, tenant.tenantId, "create_checkout_session('pro')");
  await workshop.settle();
  const { url } = await rowOf<{ url: string }>(
    workshop.pool,
    "select url from app_public.billing_requests where id = $1",
    [id],
  );
  return { ...tenant, url };
}

const become = ({ database }: Workshop, { tenantId }: Paid, status: string) =>
  withClient(database.urls.superuser, (client) =>
    client.query("update app_public.tenants set status = $2 where id = $1", [tenantId, status]),
  );

const pay = ({ url }: Looking) => press(url, { step: "pay", card: "pm_card_visa" });

const alarmsOf = ({ pool }: Workshop, { tenantId }: Paid) =>
  rowsOf<{ subject: string }>(
    pool,
    `select subject, message, details, times from app_private.alarms
    where kind = 'paid_after_closing' and resolved_at is null and details->>'tenant_id' = $1`,
    [tenantId],
  );

test("a page that is paid while its tenant is closed is told to the operator with its amount, once", async ({
  workshop,
}) => {
  const tenant = await lookingAtPage(workshop);
  await become(workshop, tenant, "closed");
  await pay(tenant);
  await workshop.settle();
  await sync(workshop, tenant.customer);
  const { data } = await workshop.stripe.invoices.list({ customer: tenant.customer });
  const [invoice] = data;
  expect(invoice).toMatchObject({ status: "paid", amount_paid: 4900 });
  const { subscriptions } = await workshop.atStripe(tenant.tenantId);
  expect(subscriptions.map(({ status }) => status)).toEqual(["canceled", "canceled"]);
  const told = {
    subject: invoice?.id,
    message: expect.stringContaining(`${invoice?.number}`),
    details: {
      tenant_id: tenant.tenantId,
      customer_id: tenant.customer,
      subscription_id: expect.any(String),
      number: invoice?.number,
      billing_reason: "subscription_create",
      amount_paid: 4900,
      currency: "usd",
      paid_at: expect.any(String),
    },
    times: 1,
  };
  expect(await alarmsOf(workshop, tenant)).toEqual([told]);
  await sync(workshop, tenant.customer);
  expect(await alarmsOf(workshop, tenant)).toEqual([told]);

  // Dealt with, it is not told anew, whatever else of it is written.
  await workshop.pool.query("select app_private.resolve_alarm('paid_after_closing', $1)", [
    invoice?.id,
  ]);
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query("update app_public.invoices set invoice_pdf_url = null where id = $1", [
      invoice?.id,
    ]),
  );
  await sync(workshop, tenant.customer);
  expect(await alarmsOf(workshop, tenant)).toEqual([]);
});

test("an invoice that was open when its tenant was closed, and is paid then, is told too", async ({
  workshop,
}) => {
  const tenant = await lookingAtPage(workshop);
  const { stripe } = workshop;
  await stripe.subscriptions.create({
    customer: tenant.customer,
    items: [{ price: await priceOf(workshop, "pro_month") }],
    payment_behavior: "default_incomplete",
  });
  await sync(workshop, tenant.customer);
  await become(workshop, tenant, "closed");
  const { data: open } = await stripe.invoices.list({ customer: tenant.customer, status: "open" });
  const { data } = await stripe.paymentMethods.list({ customer: tenant.customer });
  await stripe.invoices.pay(open[0]?.id ?? "", { payment_method: data[0]?.id ?? "" });
  await sync(workshop, tenant.customer);
  expect(await alarmsOf(workshop, tenant)).toMatchObject([{ subject: open[0]?.id }]);
});

test("a trial that a closed tenant begins costs nothing, and is no matter for an operator", async ({
  workshop,
}) => {
  const tenant = await lookingAtPage(workshop);
  await become(workshop, tenant, "closed");
  await workshop.stripe.subscriptions.create({
    customer: tenant.customer,
    items: [{ price: await priceOf(workshop, "pro_month") }],
    trial_period_days: 7,
  });
  await sync(workshop, tenant.customer);
  expect(await alarmsOf(workshop, tenant)).toEqual([]);
});

test("what was paid before its tenant was closed is nobody's loss, also when it is heard of later", async ({
  workshop,
}) => {
  const tenant = await lookingAtPage(workshop);
  await pay(tenant);
  await become(workshop, tenant, "closed");
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query(
      "update app_public.tenants set closed_at = closed_at + interval '2 min' where id = $1",
      [tenant.tenantId],
    ),
  );
  await sync(workshop, tenant.customer);
  expect(await alarmsOf(workshop, tenant)).toEqual([]);
});

test("what a tenant pays that is open, or open again, is no matter for an operator", async ({
  workshop,
}) => {
  const tenant = await lookingAtPage(workshop);
  await become(workshop, tenant, "closed");
  await become(workshop, tenant, "suspended");
  await pay(tenant);
  await workshop.settle();
  await sync(workshop, tenant.customer);
  expect(await alarmsOf(workshop, tenant)).toEqual([]);
});
