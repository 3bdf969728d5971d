import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { makeChangeable, startEmulated } from "./stripe_support.ts";

/** What matters of an invoice's lines. */
function linesOf(invoice: Stripe.Invoice) {
  return invoice.lines.data.map((line) => [
    line.amount,
    line.quantity,
    line.period.start,
    line.period.end,
    line.pricing?.price_details?.price,
    line.parent?.subscription_item_details?.proration,
  ]);
}

test("an upgrade invoiced at once costs what its preview said, line by line", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription, item, at, left, larger } = await makeChangeable(emulated);
  const change = {
    items: [{ id: item.id, price: larger.id, quantity: 2 }],
    proration_behavior: "always_invoice" as const,
    proration_date: at,
  };
  const before = await stripe.subscriptions.retrieve(subscription.id);
  const preview = await stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: change,
  });
  expect(preview.id).toMatch(/^upcoming_in_/);
  expect(linesOf(preview)).toEqual([
    [-Math.round(1900 * left), 1, at, item.current_period_end, item.price.id, true],
    [Math.round(9800 * left), 2, at, item.current_period_end, larger.id, true],
  ]);
  const { lastResponse: _a, ...unchanged } = await stripe.subscriptions.retrieve(subscription.id);
  const { lastResponse: _b, ...was } = before;
  expect(unchanged).toEqual(was);

  const updated = await stripe.subscriptions.update(subscription.id, {
    ...change,
    expand: ["latest_invoice"],
  });
  const invoice = updated.latest_invoice;
  if (invoice === null || typeof invoice === "string") throw new Error("not expanded");
  expect(linesOf(invoice)).toEqual(linesOf(preview));
  expect(invoice).toMatchObject({
    status: "paid",
    billing_reason: "subscription_update",
    total: preview.total,
    amount_paid: preview.amount_due,
  });
  expect(updated.items.data[0]).toMatchObject({
    id: item.id,
    current_period_end: item.current_period_end,
  });
});

test("prorations wait for the renewal's invoice unless told otherwise", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription, item, at, left, larger } = await makeChangeable(emulated);
  const details = { items: [{ id: item.id, price: larger.id }], proration_date: at };
  const preview = await stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: details,
  });
  await stripe.subscriptions.update(subscription.id, details);
  expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(1);
  const { data: waiting } = await stripe.invoiceItems.list({
    customer: customer.id,
    pending: true,
  });
  const credit = -Math.round(1900 * left);
  const debit = Math.round(4900 * left);
  expect(waiting.map((each) => each.amount)).toEqual([debit, credit]);
  await control("advance", { seconds: 25 * 86_400 });
  const [renewal] = (await stripe.invoices.list({ customer: customer.id })).data;
  if (renewal === undefined) throw new Error("no renewal");
  expect(linesOf(renewal)).toEqual(linesOf(preview));
  expect(renewal).toMatchObject({ status: "paid", total: credit + debit + 4900 });
  expect((await stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
});

test("with proration_behavior none a change costs nothing before the renewal", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription, item } = await makeChangeable(emulated);
  await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, quantity: 3 }],
    proration_behavior: "none",
  });
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
  expect(preview).toMatchObject({ total: 5700, billing_reason: "upcoming" });
});

test("a downgrade invoiced at once leaves a credit, which the next invoice takes", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const { customer, subscription, item, larger } = await makeChangeable(emulated, 0);
  const proration_date = item.current_period_start;
  const invoiced = { proration_behavior: "always_invoice", proration_date } as const;
  const to = (price: string) =>
    stripe.subscriptions.update(subscription.id, {
      ...invoiced,
      items: [{ id: item.id, price }],
      expand: ["latest_invoice"],
    });
  await to(larger.id);
  expect((await to(item.price.id)).latest_invoice).toMatchObject({
    status: "paid",
    total: -3000,
    amount_due: 0,
    ending_balance: -3000,
  });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ balance: -3000 });
  await control(`subscriptions/${subscription.id}/renew`);
  const [renewal] = (await stripe.invoices.list({ customer: customer.id })).data;
  expect(renewal).toMatchObject({ total: 1900, starting_balance: -3000, amount_due: 0 });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ balance: -1100 });
});

test("another interval begins a new period, which is paid at once", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription, item, left, yearly } = await makeChangeable(emulated);
  const updated = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, price: yearly.id }],
    expand: ["latest_invoice"],
  });
  const start = updated.items.data[0]?.current_period_start ?? 0;
  expect(updated.billing_cycle_anchor).toBe(start);
  expect(start).toBeGreaterThan(item.current_period_start);
  expect(updated.latest_invoice).toMatchObject({
    status: "paid",
    billing_reason: "subscription_update",
  });
  const invoice = updated.latest_invoice;
  const total = invoice === null || typeof invoice === "string" ? 0 : invoice.total;
  expect(Math.abs(total - (19_000 - Math.round(1900 * left)))).toBeLessThanOrEqual(1);
});

test("an anchor of now ends the period, with the rest of it credited", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription, item } = await makeChangeable(emulated);
  const change = { billing_cycle_anchor: { type: "now" } } as const;
  const preview = await stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: change,
  });
  const updated = await stripe.subscriptions.update(subscription.id, {
    ...change,
    expand: ["latest_invoice"],
  });
  expect(updated.billing_cycle_anchor).toBeGreaterThan(item.current_period_start);
  expect(updated.latest_invoice).toMatchObject({ total: preview.total });
  expect(preview.total).toBeLessThan(1900);
});

test("an added item is charged for the rest of the period that it joins", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { subscription, item, at, left, larger } = await makeChangeable(emulated);
  const updated = await stripe.subscriptions.update(subscription.id, {
    items: [{ price: larger.id }],
    proration_behavior: "always_invoice",
    proration_date: at,
    expand: ["latest_invoice"],
  });
  expect(updated.items.data.map((each) => each.current_period_end)).toEqual([
    item.current_period_end,
    item.current_period_end,
  ]);
  expect(updated.latest_invoice).toMatchObject({ total: Math.round(4900 * left) });
});

test("what cannot be previewed or prorated is refused", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { customer, subscription, item } = await makeChangeable(emulated, 0);
  const outside = {
    proration_date: item.current_period_end + 1,
    items: [{ id: item.id, quantity: 2 }],
  };
  await expect(stripe.subscriptions.update(subscription.id, outside)).rejects.toMatchObject({
    statusCode: 400,
    param: "proration_date",
  });
  const ending = {
    subscription: subscription.id,
    subscription_details: { cancel_at_period_end: true },
  };
  await expect(stripe.invoices.createPreview(ending)).rejects.toMatchObject({
    statusCode: 404,
    code: "invoice_upcoming_none",
  });
  const fresh = await stripe.invoices.createPreview({
    customer: customer.id,
    subscription_details: { items: [{ price: item.price.id, quantity: 2 }] },
  });
  expect(fresh).toMatchObject({ total: 3800, customer: customer.id });
});
