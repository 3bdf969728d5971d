/** Going on after a pause or a cancellation, over HTTP against the emulator. */
import { press } from "../dev/stripe_hosted.ts";
import { askBilling } from "../support/billing_requests.ts";
import { expect } from "../support/index.ts";
import { test, type System } from "../support/system.ts";
import {
  confirmPayment,
  currentTenant,
  foundPaidTenant,
  tenantOnce,
  type Member,
} from "../support/tenant_life.ts";

/** A tenant that pays with `card` from now on, and is paused in the dashboard with no credit left. */
async function pausedTenant(system: System, card: string): Promise<Member & { id: string }> {
  const { stripe } = system;
  const alice = await foundPaidTenant(system, { name: "Acme", person: "Alice" });
  const { billing } = await currentTenant(alice);
  const id = billing?.stripeSubscriptionId ?? "";
  const { id: method } = await stripe.paymentMethods.attach(card, {
    customer: billing?.stripeCustomerId ?? "",
  });
  await stripe.subscriptions.update(id, { default_payment_method: method });
  await stripe.subscriptions.pause(id, { bill_for: { unused_time_from: { type: "none" } } });
  await tenantOnce(alice, ({ accessReason }) => accessReason === "paused");
  return { ...alice, id };
}

const PAUSED = { status: "suspended", access: "read_only", accessReason: "paused" };
const BACK = { status: "active", access: "full", accessReason: "paid" };

test("S30: whoever resumes a paused subscription with a good card has full access with the answer", async ({
  system,
}) => {
  const alice = await pausedTenant(system, "pm_card_visa");
  expect(await currentTenant(alice)).toMatchObject(PAUSED);
  const resumed = await askBilling(alice, "resumeSubscription");
  expect(resumed).toMatchObject({ status: "done", errorCode: null, clientSecret: null });
  expect(await currentTenant(alice)).toMatchObject(BACK);
  expect(await system.stripe.subscriptions.retrieve(alice.id)).toMatchObject({ status: "active" });
});

test("S30: with a card that is declined it stays paused until what is asked for is paid, once", async ({
  system,
}) => {
  const alice = await pausedTenant(system, "pm_card_chargeCustomerFail");
  const first = await askBilling(alice, "resumeSubscription");
  expect(first).toMatchObject({ status: "done", clientSecret: expect.any(String) });
  expect(await currentTenant(alice)).toMatchObject(PAUSED);
  // Asked again while it waits, it leads to the same payment.
  const again = await askBilling(alice, "resumeSubscription");
  expect(again).toMatchObject({ status: "done", clientSecret: first.clientSecret });

  await confirmPayment(system, first.clientSecret, "pm_card_visa");
  await tenantOnce(alice, ({ status }) => status === "active");
  expect(await currentTenant(alice)).toMatchObject(BACK);
});

test("a pause and a cancellation are both taken back by one request", async ({ system }) => {
  const alice = await pausedTenant(system, "pm_card_visa");
  await system.stripe.subscriptions.update(alice.id, { cancel_at_period_end: true });
  await tenantOnce(alice, ({ cancelAt }) => cancelAt !== null);
  expect(await askBilling(alice, "resumeSubscription")).toMatchObject({ status: "done" });
  expect(await currentTenant(alice)).toMatchObject({ ...BACK, cancelAt: null });
});

test("S34: a cancellation on the portal's page is shown as scheduled, and taken back there or here", async ({
  system,
}) => {
  const alice = await foundPaidTenant(system, { name: "Acme", person: "Alice" });
  const { billing, currentPeriodEnd } = await currentTenant(alice);
  const subscription = billing?.stripeSubscriptionId ?? "";
  const { url } = await askBilling(alice, "createBillingPortalSession");
  const takenBack = [
    () => press(url, { step: "keep", subscription }),
    () => askBilling(alice, "resumeSubscription"),
  ];
  for (const takeBack of takenBack) {
    await press(url, { step: "cancel", subscription });
    // In flexible mode there is a date and no flag.
    expect(await system.stripe.subscriptions.retrieve(subscription)).toMatchObject({
      cancel_at: expect.any(Number),
      cancel_at_period_end: false,
    });
    const scheduled = await tenantOnce(alice, ({ cancelAt }) => cancelAt !== null);
    expect(scheduled).toMatchObject({ ...BACK, cancelAt: currentPeriodEnd });
    await takeBack();
    expect(await tenantOnce(alice, ({ cancelAt }) => cancelAt === null)).toMatchObject(BACK);
  }
});
