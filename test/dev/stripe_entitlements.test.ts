import { expect, test } from "vitest";

import { idOf } from "../../dev/stripe/store.ts";
import { makeCardholder, makePrice, startEmulated } from "./stripe_support.ts";

test("a subscription entitles its customer to the features of its products, while it lasts", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const price = await makePrice(stripe);
  const product = idOf(price.product);
  for (let number = 0; number < 12; number += 1) {
    // oxlint-disable-next-line no-await-in-loop -- in order.
    const feature = await stripe.entitlements.features.create({
      lookup_key: `feature_${number}`,
      name: `Feature ${number}`,
    });
    // oxlint-disable-next-line no-await-in-loop -- in order.
    await stripe.products.createFeature(product, { entitlement_feature: feature.id });
  }
  const customer = await makeCardholder(stripe);
  const active = () =>
    stripe.entitlements.activeEntitlements
      .list({ customer: customer.id, limit: 5 })
      .autoPagingToArray({ limit: 100 });
  expect(await active()).toEqual([]);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
  });
  const entitled = await active();
  expect(new Set(entitled.map((each) => each.lookup_key)).size).toBe(12);
  const type = "entitlements.active_entitlement_summary.updated";
  const [summary] = (await stripe.events.list({ type })).data;
  expect(summary?.data.object).toMatchObject({
    object: "entitlements.active_entitlement_summary",
    customer: customer.id,
    entitlements: { has_more: true },
  });
  expect(summary?.data.object).not.toHaveProperty("id");
  await stripe.subscriptions.cancel(subscription.id);
  expect(await active()).toEqual([]);
  expect((await stripe.events.list({ type })).data).toHaveLength(2);
});

test("features are found by their key, which is theirs alone, and can be archived", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { features } = stripe.entitlements;
  const made = await features.create({ lookup_key: "export", name: "Export" });
  await expect(features.create({ lookup_key: "export", name: "Again" })).rejects.toMatchObject({
    statusCode: 400,
    param: "lookup_key",
  });
  expect((await features.list({ lookup_key: "export" })).data).toMatchObject([{ id: made.id }]);
  await features.update(made.id, { active: false, name: "Old" });
  expect((await features.list()).data).toEqual([]);
  expect((await features.list({ archived: true })).data).toMatchObject([{ name: "Old" }]);
  const price = await makePrice(stripe);
  const product = idOf(price.product);
  const link = await stripe.products.createFeature(product, { entitlement_feature: made.id });
  expect((await stripe.products.listFeatures(product)).data).toMatchObject([{ id: link.id }]);
  expect(await stripe.products.retrieveFeature(product, link.id)).toMatchObject({ id: link.id });
  expect(await stripe.products.deleteFeature(product, link.id)).toMatchObject({ deleted: true });
});

test("what meters counted is billed with the renewal, each event once", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const meter = await stripe.billing.meters.create({
    display_name: "Calls",
    event_name: "calls",
    default_aggregation: { formula: "sum" },
  });
  const product = await stripe.products.create({ name: "Calls" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 3,
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
  });
  const flat = await makePrice(stripe);
  const customer = await makeCardholder(stripe);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: flat.id }, { price: price.id }],
    expand: ["latest_invoice"],
  });
  expect(subscription.latest_invoice).toMatchObject({ total: 1900 });
  expect(subscription.items.data[1]).not.toHaveProperty("quantity");
  const use = (value: string, identifier: string) =>
    stripe.billing.meterEvents.create({
      event_name: "calls",
      payload: { stripe_customer_id: customer.id, value },
      identifier,
    });
  await use("40", "first");
  await use("60", "second");
  await expect(use("60", "second")).rejects.toMatchObject({ statusCode: 400, param: "identifier" });
  const old = { event_name: "calls", payload: { value: "1" }, timestamp: 1 };
  await expect(stripe.billing.meterEvents.create(old)).rejects.toMatchObject({
    param: "timestamp",
  });
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
  expect(preview.total).toBe(1900 + 300);
  await control("advance", { seconds: 32 * 86_400 });
  const [renewal] = (await stripe.invoices.list({ customer: customer.id })).data;
  expect(renewal).toMatchObject({ total: 2200, status: "paid" });
  const { data: lines } = await stripe.invoices.listLineItems(renewal?.id ?? "");
  expect(lines.map((line) => [line.quantity, line.amount])).toEqual([
    [1, 1900],
    [100, 300],
  ]);
  const [sum] = (
    await stripe.billing.meters.listEventSummaries(meter.id, {
      customer: customer.id,
      start_time: subscription.created - 60,
      end_time: subscription.created + 86_400,
    })
  ).data;
  expect(sum?.aggregated_value).toBe(100);
});

test("a meter has its event name to itself, and can be switched off and on", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { meters } = stripe.billing;
  const params = {
    display_name: "Calls",
    event_name: "calls",
    default_aggregation: { formula: "count" as const },
  };
  const meter = await meters.create(params);
  await expect(meters.create(params)).rejects.toMatchObject({ statusCode: 400 });
  expect(await meters.update(meter.id, { display_name: "All calls" })).toMatchObject({
    display_name: "All calls",
  });
  expect((await meters.deactivate(meter.id)).status).toBe("inactive");
  expect((await meters.list({ status: "active" })).data).toEqual([]);
  expect((await meters.reactivate(meter.id)).status).toBe("active");
  expect((await meters.retrieve(meter.id)).status_transitions.deactivated_at).toBeNull();
});
