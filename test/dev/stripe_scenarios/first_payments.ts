import { expect } from "vitest";

import type { Scenario } from "./bench.ts";
import {
  begin,
  invoiceOf,
  makeCustomer,
  makeMonthly,
  payWith,
  whenHeard,
  whenStatus,
} from "./steps.ts";

/** From a subscription that waits for money to one that has it, or not. */
export const FIRST_PAYMENTS: readonly Scenario[] = [
  {
    name: "the first payment makes a subscription active, and saves its card",
    async run(bench) {
      const customer = await makeCustomer(bench);
      const { id, intent, subscription } = await begin(
        bench,
        customer.id,
        await makeMonthly(bench),
      );
      expect(subscription).toMatchObject({ status: "incomplete" });
      expect(subscription.billing_mode.type).toBe("flexible");
      expect(invoiceOf(subscription)).toMatchObject({ status: "open", amount_due: 1900 });

      expect(await payWith(bench, intent, "pm_card_visa")).toMatchObject({ status: "succeeded" });
      const active = await whenStatus(bench, id, "active");
      expect(active.default_payment_method).toMatch(/^pm_/);
      expect(invoiceOf(active)).toMatchObject({
        status: "paid",
        amount_paid: 1900,
        billing_reason: "subscription_create",
        parent: { subscription_details: { subscription: id } },
      });
      const payments = await bench.stripe.invoicePayments.list({
        payment: { type: "payment_intent", payment_intent: intent },
      });
      expect(payments.data).toMatchObject([{ status: "paid", invoice: invoiceOf(active).id }]);
    },
  },
  {
    name: "a declined card leaves the subscription incomplete, and another card may pay",
    async run(bench) {
      const customer = await makeCustomer(bench);
      const { id, intent } = await begin(bench, customer.id, await makeMonthly(bench));
      await expect(payWith(bench, intent, "pm_card_visa_chargeDeclined")).rejects.toMatchObject({
        type: "StripeCardError",
        statusCode: 402,
        code: "card_declined",
        decline_code: "generic_decline",
      });
      const declined = await whenStatus(bench, id, "incomplete");
      expect(invoiceOf(declined).status).toBe("open");
      const { status, last_payment_error: error } =
        await bench.stripe.paymentIntents.retrieve(intent);
      expect([status, error?.code]).toEqual(["requires_payment_method", "card_declined"]);

      await payWith(bench, intent, "pm_card_visa");
      await whenStatus(bench, id, "active");
    },
  },
  {
    name: "a bank that asks leaves the payment waiting for the customer",
    async run(bench) {
      const customer = await makeCustomer(bench);
      const { id, intent } = await begin(bench, customer.id, await makeMonthly(bench));
      const asked = await payWith(bench, intent, "pm_card_authenticationRequired");
      expect(asked.status).toBe("requires_action");
      expect(asked.next_action).not.toBeNull();
      await whenStatus(bench, id, "incomplete");
    },
  },
  {
    name: "the events of a first payment are all there, in whatever order",
    async run(bench) {
      const customer = await makeCustomer(bench);
      const { intent } = await begin(bench, customer.id, await makeMonthly(bench));
      await payWith(bench, intent, "pm_card_visa");
      const wanted = [
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "payment_intent.created",
        "payment_intent.succeeded",
      ];
      expect(await whenHeard(bench, customer.id, wanted)).toEqual(wanted);
    },
  },
];
