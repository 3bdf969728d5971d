/** The reminder that a trial ends, of a trial whose end is taken back and comes again. */
import { DAY } from "../support/billing.ts";
import { expect } from "../support/index.ts";
import { paidTenant, runBooked, syncCustomer } from "../support/paid_tenant.ts";
import { priceOf } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * DAY;

/** A tenant in a trial that ends in two days, as it stands right after the reminder's time. */
async function trial(workshop: Workshop, more: { cancel_at_period_end?: boolean } = {}) {
  const { stripe, mails } = workshop;
  const { customer, subscription: first } = await paidTenant(workshop);
  const { id } = await stripe.subscriptions.create({
    customer,
    items: [{ price: await priceOf(workshop, "pro_month") }],
    trial_end: inDays(2),
    ...more,
  });
  await stripe.subscriptions.cancel(first);
  await syncCustomer(workshop, customer);
  await runBooked(workshop, "billing_mail:");
  return { customer, id, reminders: () => mails.splice(0).map(({ subject }) => subject) };
}

const REMINDER = "The trial of Acme ends soon";

test("who takes back a cancellation at the end of a trial is reminded after all, once", async ({
  workshop,
}) => {
  const { customer, id, reminders } = await trial(workshop, { cancel_at_period_end: true });
  expect(reminders()).not.toContain(REMINDER);
  await workshop.stripe.subscriptions.update(id, { cancel_at_period_end: false });
  await syncCustomer(workshop, customer);
  expect(reminders()).toEqual([REMINDER]);
  await workshop.stripe.subscriptions.update(id, { cancel_at_period_end: true });
  await syncCustomer(workshop, customer);
  await workshop.stripe.subscriptions.update(id, { cancel_at_period_end: false });
  await syncCustomer(workshop, customer);
  expect(reminders()).toEqual([]);
});

test("who was reminded is not reminded again when the end is moved away and back", async ({
  workshop,
}) => {
  const { customer, id, reminders } = await trial(workshop);
  expect(reminders()).toContain(REMINDER);
  const { trial_end: end } = await workshop.stripe.subscriptions.retrieve(id);
  for (const trial_end of [inDays(20), end ?? 0]) {
    await workshop.stripe.subscriptions.update(id, { trial_end });
    await syncCustomer(workshop, customer);
  }
  expect(reminders()).toEqual([]);
});
