import { expect } from "vitest";

import { idOf } from "../../../dev/stripe/store.ts";
import type { Scenario } from "./bench.ts";
import { begin, DAY, makeCustomer, makeMonthly, makePrices, payWith } from "./steps.ts";

/** Customers, and what can be sold to them. */
export const CATALOG: readonly Scenario[] = [
  {
    name: "a customer is made, read, changed and deleted; a deleted one still answers",
    async run({ stripe, unique }) {
      const email = `${unique("alice")}@example.com`;
      const made = await stripe.customers.create({ email, metadata: { tenant: "t1", old: "x" } });
      expect((await stripe.customers.list({ email })).data).toMatchObject([{ id: made.id }]);
      const changed = await stripe.customers.update(made.id, { metadata: { old: "" } });
      expect(changed.metadata).toEqual({ tenant: "t1" });
      await stripe.customers.del(made.id);
      expect(await stripe.customers.retrieve(made.id)).toMatchObject({ deleted: true });
    },
  },
  {
    name: "a price is found by its lookup key, which another price may take over",
    async run(bench) {
      const { stripe } = bench;
      const [first] = await makePrices(bench, 1900);
      const key = bench.unique("pro_month");
      await stripe.prices.update(first?.id ?? "", { lookup_key: key });
      const find = async () => (await stripe.prices.list({ lookup_keys: [key] })).data;
      expect(await find()).toMatchObject([{ id: first?.id, unit_amount: 1900 }]);
      const second = await stripe.prices.create({
        product: idOf(first?.product ?? ""),
        currency: "usd",
        unit_amount: 2900,
        recurring: { interval: "month" },
        lookup_key: key,
        transfer_lookup_key: true,
      });
      expect(await find()).toMatchObject([{ id: second.id }]);
    },
  },
  {
    name: "a customer is entitled to the features of what they have bought",
    async run(bench) {
      const { stripe } = bench;
      const lookup_key = bench.unique("exports");
      const feature = await stripe.entitlements.features.create({ name: "Exports", lookup_key });
      bench.afterwards(() => stripe.entitlements.features.update(feature.id, { active: false }));
      const [price] = await makePrices(bench, 1900);
      await stripe.products.createFeature(idOf(price?.product ?? ""), {
        entitlement_feature: feature.id,
      });
      const customer = await makeCustomer(bench);
      const { intent } = await begin(bench, customer.id, price?.id ?? "");
      const keys = async () => {
        const list = stripe.entitlements.activeEntitlements.list({ customer: customer.id });
        return (await list).data.map((each) => each.lookup_key);
      };
      expect(await keys()).toEqual([]);
      await payWith(bench, intent, "pm_card_visa");
      await bench.eventually("the entitlement", async () =>
        (await keys()).includes(lookup_key) ? true : undefined,
      );
    },
  },
  {
    name: "a meter takes events, once for each identifier they are sent with",
    async run(bench) {
      const { meters, meterEvents } = bench.stripe.billing;
      const event_name = bench.unique("exports");
      const meter = await meters.create({
        display_name: "Exports",
        event_name,
        default_aggregation: { formula: "sum" },
      });
      const customer = await makeCustomer(bench);
      const identifier = bench.unique("use");
      const payload = { stripe_customer_id: customer.id, value: "3" };
      expect(await meterEvents.create({ event_name, identifier, payload })).toMatchObject({
        event_name,
        identifier,
        payload,
      });
      const tooOld = Math.floor(Date.now() / 1000) - 36 * DAY;
      await expect(
        meterEvents.create({ event_name, payload, timestamp: tooOld }),
      ).rejects.toMatchObject({ statusCode: 400 });
      expect(await meters.deactivate(meter.id)).toMatchObject({ status: "inactive" });
    },
  },
  {
    name: "a checkout session is open until it is expired, and then cannot be expired again",
    async run(bench) {
      const { sessions } = bench.stripe.checkout;
      const customer = await makeCustomer(bench);
      const session = await sessions.create({
        mode: "subscription",
        customer: customer.id,
        client_reference_id: "tenant",
        line_items: [{ price: await makeMonthly(bench), quantity: 2 }],
        subscription_data: { metadata: { tenant: "t1" } },
        success_url: "https://example.com/done",
      });
      expect(session).toMatchObject({
        status: "open",
        payment_status: "unpaid",
        amount_total: 3800,
        url: expect.stringMatching(/^http/),
      });
      expect((await sessions.listLineItems(session.id)).data).toMatchObject([{ quantity: 2 }]);
      expect(await sessions.expire(session.id)).toMatchObject({ status: "expired", url: null });
      await expect(sessions.expire(session.id)).rejects.toMatchObject({ statusCode: 400 });
    },
  },
  {
    name: "a portal session has an address, and leads straight to a task if it is to",
    async run(bench) {
      const { configurations, sessions } = bench.stripe.billingPortal;
      const configuration = await configurations.create({
        features: {
          payment_method_update: { enabled: true },
          subscription_cancel: { enabled: true, mode: "at_period_end" },
        },
      });
      bench.afterwards(() => configurations.update(configuration.id, { active: false }));
      const customer = await makeCustomer(bench);
      const session = await sessions.create({
        customer: customer.id,
        configuration: configuration.id,
        return_url: "https://example.com/account",
        flow_data: { type: "payment_method_update" },
      });
      expect(session).toMatchObject({
        customer: customer.id,
        url: expect.stringMatching(/^http/),
        flow: { type: "payment_method_update" },
      });
    },
  },
];
