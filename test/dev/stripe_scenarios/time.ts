import { expect } from "vitest";

import type { Scenario } from "./bench.ts";
import {
  DAY,
  HOUR,
  invoiceOf,
  itemOf,
  makeMonthly,
  makePayer,
  whenHeard,
  whenStatus,
} from "./steps.ts";

/** What time does to subscriptions. */
export const TIME: readonly Scenario[] = [
  {
    name: "a trial is announced, and becomes active with a card to charge",
    async run(bench) {
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock);
      const { id, status, trial_end } = await bench.stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
        trial_period_days: 7,
      });
      expect([status, trial_end]).toEqual(["trialing", clock.start + 7 * DAY]);
      await clock.advanceTo(clock.start + 5 * DAY);
      await whenHeard(bench, id, ["customer.subscription.trial_will_end"]);
      await clock.advanceTo(clock.start + 7 * DAY + 2 * HOUR);
      const active = await whenStatus(bench, id, "active");
      expect(invoiceOf(active)).toMatchObject({ status: "paid", amount_paid: 1900 });
    },
  },
  {
    name: "a trial without a card is paused if that was asked for, and resumed with one",
    async run(bench) {
      const { stripe } = bench;
      const clock = await bench.startClock();
      const customer = await stripe.customers.create({ test_clock: clock.id });
      const { id } = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
        trial_period_days: 4,
        trial_settings: { end_behavior: { missing_payment_method: "pause" } },
      });
      await clock.advanceTo(clock.start + 4 * DAY + 2 * HOUR);
      const paused = await whenStatus(bench, id, "paused");
      expect(paused.status_details?.paused?.subscription?.type).toBe(
        "trial_end_without_payment_method",
      );
      const method = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
      await stripe.customers.update(customer.id, {
        invoice_settings: { default_payment_method: method.id },
      });
      await stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: "now" } });
      await whenStatus(bench, id, "active");
      await whenHeard(bench, id, ["customer.subscription.paused", "customer.subscription.resumed"]);
    },
  },
  {
    name: "a period is followed by the next one, and by its invoice",
    async run(bench) {
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock);
      const created = await bench.stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
      });
      expect(created.status).toBe("active");
      const end = itemOf(created).current_period_end;
      await clock.advanceTo(end + 2 * HOUR);
      const renewed = await bench.eventually("the renewal to be paid", async () => {
        const subscription = await whenStatus(bench, created.id, "active");
        return invoiceOf(subscription).billing_reason === "subscription_cycle" &&
          invoiceOf(subscription).status === "paid"
          ? subscription
          : undefined;
      });
      expect(itemOf(renewed).current_period_start).toBe(end);
      const { data } = await bench.stripe.invoices.list({ subscription: created.id });
      expect(data).toHaveLength(2);
    },
  },
  {
    name: "a renewal that fails is past due, and ends as the account's settings say",
    async run(bench) {
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock, "pm_card_chargeCustomerFail");
      const { id } = await bench.stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
        trial_period_days: 1,
      });
      await clock.advanceTo(clock.start + DAY + 2 * HOUR);
      const due = await whenStatus(bench, id, "past_due");
      const { status, attempt_count: attempts } = invoiceOf(due);
      expect([status, attempts > 0]).toEqual(["open", true]);
      await whenHeard(bench, id, ["customer.subscription.updated", "invoice.payment_failed"]);
      await clock.advanceTo(clock.start + 30 * DAY);
      await clock.advanceTo(clock.start + 62 * DAY);
      const last = await whenStatus(bench, id, "canceled", "unpaid", "past_due");
      if (last.status === "canceled") {
        expect(last.cancellation_details?.reason).toBe("payment_failed");
      }
    },
  },
  {
    name: "while collection is paused the subscription stays active and its invoices are void",
    async run(bench) {
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock);
      const { subscriptions, invoices } = bench.stripe;
      const created = await subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
      });
      const paused = await subscriptions.update(created.id, {
        pause_collection: { behavior: "void" },
      });
      expect(paused).toMatchObject({ status: "active", pause_collection: { behavior: "void" } });
      await clock.advanceTo(itemOf(created).current_period_end + 2 * HOUR);
      const [latest] = (await invoices.list({ subscription: created.id })).data;
      expect(latest).toMatchObject({ status: "void", billing_reason: "subscription_cycle" });
      const going = await subscriptions.update(created.id, { pause_collection: "" });
      expect(going).toMatchObject({ status: "active", pause_collection: null });
    },
  },
];
