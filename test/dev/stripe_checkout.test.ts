import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { look, press } from "./stripe_hosted.ts";
import { advanceTo, allEvents, makePrice, startEmulated } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const SUCCESS = "https://shop.test/done?session={CHECKOUT_SESSION_ID}&to={CHECKOUT_SESSION_ID}";
const CANCEL = "https://shop.test/prices";

async function begin(
  { stripe }: Emulated,
  more: Partial<Stripe.Checkout.SessionCreateParams> = {},
): Promise<Stripe.Checkout.Session> {
  const price = await makePrice(stripe);
  return stripe.checkout.sessions.create({
    mode: "subscription",
    customer_email: "alice@acme.test",
    client_reference_id: "tenant_1",
    line_items: [{ price: price.id, quantity: 2 }],
    subscription_data: { metadata: { tenant: "1" } },
    success_url: SUCCESS,
    cancel_url: CANCEL,
    ...more,
  });
}

test("who pays on the page has a customer and an active subscription, and goes back to the shop", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const session = await begin(emulated);
  expect(session).toMatchObject({ status: "open", payment_status: "unpaid", amount_total: 3800 });
  const page = await look(session.url);
  expect(page.html).toContain("$38.00");
  expect(page.html).toContain("Pro × 2");

  const paid = await press(session.url, { step: "pay", card: "pm_card_visa" });
  expect(paid.status).toBe(303);
  expect(paid.location).toBe(`https://shop.test/done?session=${session.id}&to=${session.id}`);
  // The second click of a double click ends in the same place and buys nothing.
  expect((await press(session.url, { step: "pay" })).location).toBe(paid.location);

  const after = await stripe.checkout.sessions.retrieve(session.id, {
    expand: ["subscription.default_payment_method", "customer", "invoice"],
  });
  expect(after).toMatchObject({
    status: "complete",
    payment_status: "paid",
    url: null,
    client_reference_id: "tenant_1",
    customer: { email: "alice@acme.test" },
    customer_details: { email: "alice@acme.test" },
    invoice: { status: "paid", amount_paid: 3800 },
    subscription: {
      status: "active",
      metadata: { tenant: "1" },
      default_payment_method: { card: { last4: "4242" } },
    },
  });
  expect((await stripe.subscriptions.list()).data).toHaveLength(1);
  expect((await stripe.customers.list()).data).toHaveLength(1);
  const types = (await allEvents(stripe)).map((event) => event.type);
  const wanted = [
    "customer.created",
    "customer.subscription.created",
    "payment_intent.succeeded",
    "invoice.paid",
    "customer.subscription.updated",
    "checkout.session.completed",
  ];
  expect(types.filter((type) => wanted.includes(type))).toEqual(wanted);
  expect((await look(session.url)).html).toContain("complete");
});

test("a declined card can be followed by one that the bank asks about, for one subscription", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const { id } = await stripe.customers.create({ email: "a@acme.test" });
  const price = await makePrice(stripe);
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer: id,
    line_items: [{ price: price.id }],
    success_url: SUCCESS,
  });
  const declined = await press(session.url, {
    step: "pay",
    card: "pm_card_chargeDeclinedInsufficientFunds",
  });
  expect(declined.status).toBe(402);
  expect(declined.html).toContain("insufficient funds");
  expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");

  const pay = () => press(session.url, { step: "pay", card: "pm_card_authenticationRequired" });
  expect((await pay()).location).toBe(new URL(session.url ?? "").pathname);
  expect((await look(session.url)).html).toContain("3-D Secure");
  expect((await press(session.url, { step: "refuse" })).status).toBe(402);
  await pay();
  expect((await press(session.url, { step: "authenticate" })).location).toContain(session.id);
  const { data } = await stripe.subscriptions.list({ customer: id, status: "all" });
  expect(data.map((each) => each.status)).toEqual(["active"]);
});

test("a trial asks for a card that is good, and sells nothing before it has one", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const session = await begin(emulated, { subscription_data: { trial_period_days: 14 } });
  const refused = await press(session.url, { step: "pay", card: "pm_card_chargeDeclined" });
  expect(refused.status).toBe(402);
  expect((await stripe.subscriptions.list({ status: "all" })).data).toEqual([]);
  await press(session.url, { step: "pay", card: "pm_card_authenticationRequiredOnSetup" });
  await press(session.url, { step: "authenticate" });
  const after = await stripe.checkout.sessions.retrieve(session.id, { expand: ["subscription"] });
  expect(after).toMatchObject({
    status: "complete",
    payment_status: "no_payment_required",
    subscription: { status: "trialing", default_payment_method: expect.stringMatching(/^pm_/) },
  });
});

test("a card can be saved without buying anything", async () => {
  await using emulated = await startEmulated();
  const { stripe } = emulated;
  const customer = await stripe.customers.create();
  const session = await stripe.checkout.sessions.create({
    mode: "setup",
    currency: "usd",
    customer: customer.id,
    success_url: SUCCESS,
  });
  await press(session.url, { step: "pay", card: "pm_card_visa" });
  const after = await stripe.checkout.sessions.retrieve(session.id, { expand: ["setup_intent"] });
  expect(after).toMatchObject({ status: "complete", setup_intent: { status: "succeeded" } });
  expect((await stripe.customers.listPaymentMethods(customer.id)).data).toHaveLength(1);
});

test("a session ends at its time or when it is told to, and then nobody can pay it", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const session = await begin(emulated);
  expect((await press(session.url, { step: "cancel" })).location).toBe(CANCEL);
  expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");
  await control("advance", { seconds: 86_400 });
  const late = await press(session.url, { step: "pay", card: "pm_card_visa" });
  expect((await look(session.url)).html).toContain("expired");
  expect(late.location).not.toContain("shop.test");
  expect(await stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
    status: "expired",
    url: null,
  });

  const types = (await allEvents(stripe)).map((event) => event.type);
  expect(types.filter((type) => type.startsWith("checkout."))).toEqual([
    "checkout.session.expired",
  ]);
  await expect(stripe.checkout.sessions.expire(session.id)).rejects.toMatchObject({
    statusCode: 400,
  });
  expect((await stripe.subscriptions.list({ status: "all" })).data).toEqual([]);
});

test("what the account holds is text on the page, and nothing is loaded from elsewhere", async () => {
  await using emulated = await startEmulated();
  const { stripe, url } = emulated;
  const product = await stripe.products.create({ name: "<script>alert(1)</script>" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 100,
    recurring: { interval: "month" },
  });
  const { url: at } = await begin(emulated, { line_items: [{ price: price.id }] });
  const answer = await fetch(at ?? "");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const html = await answer.text();
  expect(html).toContain("&lt;script&gt;");
  expect(html).not.toContain("<script");
  expect((await look(`${url}/_emulator/hosted.css`)).status).toBe(200);
  expect((await look(`${url}/c/pay/cs_test_none`)).status).toBe(404);
});

test.each([
  ["a session that is too short", { expires_at: 60 }, "expires_at"],
  ["an address that is no web page", { success_url: "javascript:alert(1)" }, "success_url"],
  ["a subscription to nothing", { line_items: [] }, "line_items"],
  ["two customers", { customer: "cus_x" }, "customer_email"],
])("%s is refused", async (_name, more, param) => {
  await using emulated = await startEmulated();
  await expect(begin(emulated, more)).rejects.toMatchObject({ statusCode: 400, param });
});

test("a session of a customer on a test clock expires by that clock", async () => {
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const start = Date.UTC(2030, 0, 1) / 1000;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: start });
  const customer = await stripe.customers.create({ test_clock: clock.id });
  const price = await makePrice(stripe);
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer: customer.id,
    line_items: [{ price: price.id }],
    expires_at: start + 1800,
    success_url: SUCCESS,
  });
  await control("advance", { seconds: 86_400 });
  expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");
  await advanceTo(stripe, clock.id, start + 1800);
  expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe("expired");
});
