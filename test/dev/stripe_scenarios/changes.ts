import { expect } from "vitest";

import type { Scenario } from "./bench.ts";
import {
  begin,
  DAY,
  HOUR,
  invoiceOf,
  itemOf,
  makeCustomer,
  makeMonthly,
  makePayer,
  makePrices,
  payWith,
  whenStatus,
} from "./steps.ts";

/** What is done to a subscription that runs. */
export const CHANGES: readonly Scenario[] = [
  {
    name: "a subscription canceled now is over now",
    async run(bench) {
      const customer = await makeCustomer(bench);
      const { id, intent } = await begin(bench, customer.id, await makeMonthly(bench));
      await payWith(bench, intent, "pm_card_visa");
      await whenStatus(bench, id, "active");
      expect(await bench.stripe.subscriptions.cancel(id)).toMatchObject({
        status: "canceled",
        ended_at: expect.any(Number),
        cancellation_details: { reason: "cancellation_requested" },
      });
      await expect(bench.stripe.subscriptions.cancel(id)).rejects.toMatchObject({
        code: "resource_missing",
      });
    },
  },
  {
    name: "in flexible mode an end that is planned is a time, can be taken back, and comes",
    async run(bench) {
      const { subscriptions } = bench.stripe;
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock);
      const created = await subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
      });
      const { id } = created;
      const end = itemOf(created).current_period_end;
      for (const [planned, undone] of [
        [{ cancel_at_period_end: true }, { cancel_at_period_end: false }],
        [{ cancel_at: "min_period_end" }, { cancel_at: "" }],
      ] as const) {
        expect((await subscriptions.update(id, planned)).cancel_at).toBe(end);
        expect((await subscriptions.update(id, undone)).cancel_at).toBeNull();
      }
      const last = end - DAY;
      expect((await subscriptions.update(id, { cancel_at: last })).cancel_at).toBe(last);
      expect((await subscriptions.retrieve(id)).cancel_at_period_end).toBe(false);
      await clock.advanceTo(end + HOUR);
      expect((await whenStatus(bench, id, "canceled")).cancellation_details?.reason).toBe(
        "cancellation_requested",
      );
    },
  },
  {
    name: "a change of plan costs what its preview with the same proration date said",
    async run(bench) {
      const { stripe } = bench;
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock);
      const [small, large] = await makePrices(bench, 1900, 4900);
      const created = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: small?.id ?? "" }],
      });
      const at = clock.start + 10 * DAY;
      await clock.advanceTo(at);
      const change = {
        items: [{ id: itemOf(created).id, price: large?.id ?? "" }],
        proration_behavior: "always_invoice" as const,
        proration_date: at,
      };
      const preview = await stripe.invoices.createPreview({
        customer: customer.id,
        subscription: created.id,
        subscription_details: change,
      });
      const changed = await stripe.subscriptions.update(created.id, {
        ...change,
        expand: ["latest_invoice"],
      });
      expect(invoiceOf(changed)).toMatchObject({ total: preview.total, status: "paid" });
      expect(preview.total).toBeGreaterThan(0);
      expect(changed.items.data).toMatchObject([{ price: { id: large?.id } }]);
    },
  },
  {
    name: "a quantity is set; an item without its id is another item",
    async run(bench) {
      const { stripe } = bench;
      const clock = await bench.startClock();
      const customer = await makePayer(bench, clock);
      const [seat, support] = await makePrices(bench, 1900, 500);
      const created = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: seat?.id ?? "", quantity: 2 }],
      });
      const [first] = created.items.data;
      const seats = await stripe.subscriptions.update(created.id, {
        items: [{ id: first?.id ?? "", quantity: 5 }],
        proration_behavior: "none",
      });
      expect(seats.items.data).toMatchObject([{ id: first?.id, quantity: 5 }]);
      const both = await stripe.subscriptions.update(created.id, {
        items: [{ price: support?.id ?? "" }],
        proration_behavior: "none",
      });
      expect(both.items.data).toHaveLength(2);
    },
  },
  {
    name: "a coupon takes its share off the first invoice, and a code stands for it",
    async run(bench) {
      const { stripe } = bench;
      const coupon = await stripe.coupons.create({
        name: "Half",
        percent_off: 50,
        duration: "forever",
      });
      bench.afterwards(() => stripe.coupons.del(coupon.id));
      const code = bench.unique("HALF").replaceAll("_", "");
      const promotion = await stripe.promotionCodes.create({
        promotion: { type: "coupon", coupon: coupon.id },
        code,
      });
      expect((await stripe.promotionCodes.list({ code })).data).toMatchObject([
        { id: promotion.id, active: true },
      ]);
      const customer = await makeCustomer(bench);
      const created = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: await makeMonthly(bench) }],
        discounts: [{ promotion_code: promotion.id }],
        payment_behavior: "default_incomplete",
        expand: ["latest_invoice", "discounts"],
      });
      expect(invoiceOf(created)).toMatchObject({ subtotal: 1900, total: 950 });
      expect(created.discounts).toMatchObject([
        { promotion_code: promotion.id, source: { coupon: coupon.id } },
      ]);
    },
  },
];
