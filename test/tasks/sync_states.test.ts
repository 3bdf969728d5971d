/** What becomes of a tenant as its subscription changes at Stripe, by the emulator's own rules. */
import { DAY } from "../support/billing.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { copyOf, paidTenant, priceOf, standsSynced, sync, tenantWith } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

const PAID = { status: "active", access: "full", access_reason: "paid", grace_ends_at: null };

/** A tenant whose last renewal failed, with the invoice that is open. */
async function overdue(workshop: Workshop) {
  const tenant = await paidTenant(workshop);
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  const [invoice] = (
    await workshop.stripe.invoices.list({ customer: tenant.customer, status: "open" })
  ).data;
  return { ...tenant, invoice: invoice?.id ?? "" };
}

/** A tenant whose renewal has failed for the last time, in an account that chose what comes of that. */
async function failedForGood(workshop: Workshop, after_retries: "pause" | "unpaid") {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  const { customer, subscription } = tenant;
  const card = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer });
  await stripe.subscriptions.update(subscription, { default_payment_method: card.id });
  await workshop.control("settings", { after_retries });
  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  const { now } = (await workshop.control("advance", { seconds: 17 * DAY })) as { now: number };
  return { tenant, now };
}

function invoiceOf({ pool }: Workshop, { tenantId, invoice }: Awaited<ReturnType<typeof overdue>>) {
  return rowOf(pool, "select * from app_public.invoices where tenant_id = $1 and id = $2", [
    tenantId,
    invoice,
  ]);
}

test("S27: failed attempts, repeated syncs and failed renewals don't move the end of the grace period; payment does away with it", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await overdue(workshop);
  const first = await standsSynced(workshop, tenant);
  expect(first).toMatchObject({ status: "past_due", access: "full" });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const declined = stripe.invoices.pay(tenant.invoice, {
      payment_method: "pm_card_chargeCustomerFail",
    });
    await expect(declined).rejects.toMatchObject({ statusCode: 402 });
    await sync(workshop, tenant.customer);
    expect(await standsSynced(workshop, tenant)).toMatchObject({
      status: "past_due",
      grace_ends_at: first.grace_ends_at,
    });
  }
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "past_due",
    grace_ends_at: first.grace_ends_at,
  });

  const open = await stripe.invoices.list({ customer: tenant.customer, status: "open" });
  for (const { id } of open.data) {
    await stripe.invoices.pay(id, { payment_method: "pm_card_visa" });
  }
  expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);
  expect(await copyOf(workshop, tenant)).toMatchObject({ past_due_since: null });
});

test("S28: the invoice that is overdue is voided: access is back, and the next debt has a grace period of its own", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await overdue(workshop);
  const first = await standsSynced(workshop, tenant);
  await stripe.invoices.voidInvoice(tenant.invoice);
  expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);

  await workshop.control("advance", { seconds: 2 * DAY });
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  const second = await standsSynced(workshop, tenant);
  expect(second).toMatchObject({ status: "past_due", access: "full" });
  expect(Number(second.grace_ends_at)).toBeGreaterThanOrEqual(
    Number(first.grace_ends_at) + 2 * DAY * 1000,
  );
});

test("S28: the invoice that is overdue is written off: the debt and its grace period stay", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await overdue(workshop);
  const first = await standsSynced(workshop, tenant);
  await stripe.invoices.markUncollectible(tenant.invoice);
  expect(await standsSynced(workshop, tenant)).toEqual({ ...first, client_secret: null });
  expect(await invoiceOf(workshop, tenant)).toMatchObject({ status: "uncollectible" });
  await stripe.invoices.pay(tenant.invoice, { payment_method: "pm_card_visa" });
  expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);
  expect(await invoiceOf(workshop, tenant)).toMatchObject({ status: "paid" });
});

test("S28: an old invoice that was left open is no debt of the subscription's any more", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await overdue(workshop);
  await workshop.control("advance", { seconds: DAY });
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "pay" });
  expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);
  await workshop.control("advance", { seconds: DAY });
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  const open = await stripe.invoices.list({ customer: tenant.customer, status: "open" });
  expect(open.data).toHaveLength(2);
  const since = open.data[0]?.status_transitions.finalized_at ?? 0;
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "past_due",
    grace_ends_at: new Date((since + 14 * DAY) * 1000),
  });
});

test("S30: a pause gives reading only, and full access comes back once Stripe says active", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  await stripe.subscriptions.pause(tenant.subscription);
  const paused = { status: "suspended", access: "read_only", access_reason: "paused" };
  expect(await standsSynced(workshop, tenant)).toMatchObject(paused);
  await stripe.subscriptions.resume(tenant.subscription);
  expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);
});

test("S30: what Stripe pauses for want of a payment gives nothing, until it says active", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenant } = await failedForGood(workshop, "pause");
  expect(await stripe.subscriptions.retrieve(tenant.subscription)).toMatchObject({
    status: "paused",
    status_details: { paused: { subscription: { type: "final_payment_failure" } } },
  });
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "suspended",
    access: "none",
    access_reason: "unpaid",
  });
  const card = await stripe.paymentMethods.attach("pm_card_visa", { customer: tenant.customer });
  await stripe.subscriptions.update(tenant.subscription, { default_payment_method: card.id });
  await stripe.subscriptions.resume(tenant.subscription);
  expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);
});

test("S30: a trial that ends with nothing to pay with is paused", async ({ workshop }) => {
  const { stripe } = workshop;
  const tenant = await tenantWith(workshop, {
    items: [{ price: await priceOf(workshop, "pro_month") }],
    trial_period_days: 3,
    trial_settings: { end_behavior: { missing_payment_method: "pause" } },
  });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ status: "trialing" });
  const methods = await stripe.paymentMethods.list({ customer: tenant.customer });
  for (const { id } of methods.data) await stripe.paymentMethods.detach(id);
  await workshop.control("advance", { seconds: 3 * DAY + 60 });
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "suspended",
    access: "read_only",
    access_reason: "paused",
  });
});

test.for(["keep_as_draft", "mark_uncollectible", "void"] as const)(
  "S31: while collection is paused (%s) renewals take nothing away",
  async (behavior, { workshop }) => {
    const { stripe } = workshop;
    const tenant = await paidTenant(workshop);
    await stripe.subscriptions.update(tenant.subscription, { pause_collection: { behavior } });
    await workshop.control(`subscriptions/${tenant.subscription}/renew`, {});
    expect(await standsSynced(workshop, tenant)).toMatchObject({
      status: "active",
      access: "full",
      access_reason: "collection_paused",
    });
    await stripe.subscriptions.update(tenant.subscription, { pause_collection: "" });
    expect(await standsSynced(workshop, tenant)).toMatchObject(PAID);
  },
);

test("S35, S36: a trial is full access without a payment; ended early, it is paid for", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const tenant = await tenantWith(workshop, {
    items: [{ price: await priceOf(workshop, "pro_month") }],
    trial_period_days: 14,
  });
  const trial = await standsSynced(workshop, tenant);
  expect(trial).toMatchObject({ status: "trialing", access: "full", access_reason: "trial" });
  expect(trial.trial_ends_at).toEqual(new Date((tenant.made.trial_end ?? 0) * 1000));
  const paid = () =>
    rowOf(
      pool,
      `select sum(amount_paid)::integer as amount from app_public.invoices
      where tenant_id = $1 and subscription_id = $2 and status = 'paid'`,
      [tenant.tenantId, tenant.subscription],
    );
  expect(await paid()).toEqual({ amount: 0 });

  await stripe.subscriptions.update(tenant.subscription, { trial_end: "now" });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ ...PAID, trial_ends_at: null });
  expect(await paid()).toEqual({ amount: 4900 });
});

test("S38: a subscription never paid expires after 23 hours, and another one can be paid", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers } = await workshop.atStripe(tenantId);
  const tenant = { tenantId, customer: customers[0]?.id ?? "" };
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    access_reason: "awaiting_payment",
    client_secret: expect.any(String),
  });
  await workshop.control("advance", { seconds: 24 * 3600 });
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "incomplete",
    access: "none",
    access_reason: "payment_expired",
    client_secret: null,
  });

  const again = await stripe.subscriptions.create({
    customer: tenant.customer,
    items: [{ price: await priceOf(workshop, "starter_month") }],
    payment_behavior: "default_incomplete",
  });
  const waiting = await standsSynced(workshop, tenant);
  expect(waiting).toMatchObject({ access_reason: "awaiting_payment", subscription: again.id });
  const [intentId = ""] = String(waiting.client_secret).split("_secret_");
  await stripe.paymentIntents.confirm(intentId, { payment_method: "pm_card_visa" });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ ...PAID, plan: "starter" });
});

test("S29: what the last retry leaves unpaid gives nothing, though its period has not ended", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenant, now } = await failedForGood(workshop, "unpaid");
  const [item] = (await stripe.subscriptions.retrieve(tenant.subscription)).items.data;
  expect(item?.current_period_end).toBeGreaterThan(now);
  expect(await standsSynced(workshop, tenant)).toMatchObject({
    status: "suspended",
    access: "none",
    access_reason: "unpaid",
  });
});
