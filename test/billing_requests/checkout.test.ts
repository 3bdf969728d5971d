/** Subscribing on a page of Stripe's, from the mutation to what the tenant may do afterwards. */
import type Stripe from "stripe";

import { look, press } from "../dev/stripe_hosted.ts";
import { makeApiKey } from "../support/api_key_client.ts";
import { askBilling, billingRequests, tryBilling } from "../support/billing_requests.ts";
import { accessToken, graphql } from "../support/client.ts";
import { expect, withClient, type TestDatabase } from "../support/index.ts";
import { addMember } from "../support/quiet_system.ts";
import { test, type System } from "../support/system.ts";
import {
  atStripe,
  codesOf,
  confirmPayment,
  currentTenant,
  foundPaidTenant,
  foundTenant,
  tenantOnce,
  type Member,
} from "../support/tenant_life.ts";

/** A tenant that Stripe knows and that has not paid. */
async function foundUnpaid(system: System, person: string): Promise<Member> {
  const member = await foundTenant(system, { name: "Acme", person });
  await tenantOnce(member, ({ status }) => status === "incomplete");
  return member;
}

function statusOf({ status, access }: { status: string; access: string }) {
  return { status, access };
}

async function atStripeOf(
  { stripe }: System,
  member: Member,
): Promise<{ open: Stripe.Checkout.Session[]; live: Stripe.Subscription[] }> {
  const { billing } = await currentTenant(member);
  const customer = billing?.stripeCustomerId ?? "";
  const sessions = await stripe.checkout.sessions.list({ customer, status: "open" });
  const subscriptions = await stripe.subscriptions.list({ customer, status: "all" });
  const ended = new Set(["canceled", "incomplete_expired"]);
  return {
    open: sessions.data,
    live: subscriptions.data.filter(({ status }) => !ended.has(status)),
  };
}

test(
  "S52: ten clicks at once lead to one page, and who pays there has one subscription",
  { timeout: 60_000 },
  async ({ system }) => {
    const alice = await foundUnpaid(system, "Alice");
    const clicks = await Promise.all(
      Array.from({ length: 10 }, () => askBilling(alice, "createCheckoutSession", { plan: "pro" })),
    );
    const later = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
    expect(new Set([...clicks, later].map(({ url }) => url)).size).toBe(1);
    expect(later).toMatchObject({
      status: "done",
      kind: "checkout",
      url: expect.stringMatching(/^http:.*\/c\/pay\/cs_test_/),
      expiresAt: expect.any(String),
    });
    const before = await atStripeOf(system, alice);
    expect(before.open).toMatchObject([
      {
        client_reference_id: alice.tenantId,
        success_url: `${system.url}/billing?checkout=success`,
        cancel_url: `${system.url}/billing?checkout=canceled`,
      },
    ]);
    // What createTenant had begun can't be paid beside it any more.
    expect(before.live).toEqual([]);

    await press(later.url, { step: "pay", card: "pm_card_visa" });
    await tenantOnce(alice, ({ access }) => access === "full");
    const { open, live } = await atStripeOf(system, alice);
    expect([open.length, live.length]).toEqual([0, 1]);
    expect(live).toMatchObject([
      {
        status: "active",
        billing_mode: { type: "flexible" },
        metadata: { tenant_id: alice.tenantId, intent_id: expect.any(String) },
      },
    ]);
    const again = await tryBilling(alice, "createCheckoutSession", { plan: "pro" });
    expect(codesOf(again)).toEqual(["CONFLICT"]);
  },
);

test("another plan, or another way back, closes the page that was open", async ({ system }) => {
  const alice = await foundUnpaid(system, "Alice");
  const first = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
  const second = await askBilling(alice, "createCheckoutSession", { plan: "starter" });
  expect(second.url).not.toBe(first.url);
  const way = { plan: "starter", successUrl: "https://app.example.com/done#{CHECKOUT_SESSION_ID}" };
  const third = await askBilling(alice, "createCheckoutSession", way);
  expect(third.url).not.toBe(second.url);
  const { open } = await atStripeOf(system, alice);
  expect(open).toMatchObject([{ url: third.url, success_url: way.successUrl }]);
  await press(first.url, { step: "pay", card: "pm_card_visa" });
  expect((await look(first.url)).html).toContain("expired");
  expect(await currentTenant(alice)).toMatchObject({ access: "none" });
});

test("S37: a payment on its way opens nothing; its arrival does, its failure doesn't", async ({
  system,
}) => {
  for (const outcome of ["pay", "fail"] as const) {
    const alice = await foundUnpaid(system, "Alice");
    const { url } = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
    const { location } = await press(url, { step: "pay", card: "pm_usBankAccount_success" });
    expect(location).toBe(`${system.url}/billing?checkout=success`);
    const { live } = await atStripeOf(system, alice);
    const id = live[0]?.id ?? "";
    const waiting = await tenantOnce(alice, ({ billing }) => billing?.stripeSubscriptionId === id);
    expect(statusOf(waiting)).toEqual({ status: "incomplete", access: "none" });
    // Nor can it be paid a second time meanwhile.
    const second = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
    expect(second).toMatchObject({ status: "failed", errorCode: "payment_processing" });

    const intent = waiting.billing?.clientSecret?.split("_secret_")[0] ?? "";
    await atStripe(system, `payment_intents/${intent}/settle`, { outcome });
    await atStripe(system, "settle", {});
    if (outcome === "pay") {
      await tenantOnce(alice, ({ status, access }) => status === "active" && access === "full");
    } else {
      expect(statusOf(await currentTenant(alice))).toEqual(statusOf(waiting));
      const retry = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
      expect(retry).toMatchObject({ status: "done", errorCode: null });
    }
  }
});

test("S38: a tenant that let its 23 hours pass subscribes anew", async ({ system }) => {
  const alice = await foundUnpaid(system, "Alice");
  await atStripe(system, "advance", { seconds: 24 * 3600 });
  await tenantOnce(alice, ({ accessReason }) => accessReason === "payment_expired");
  const { url } = await askBilling(alice, "createCheckoutSession", { plan: "starter" });
  await press(url, { step: "pay", card: "pm_card_visa" });
  const open = await tenantOnce(alice, ({ access }) => access === "full");
  expect(open).toMatchObject({ plan: "starter", status: "active" });
  expect((await atStripeOf(system, alice)).live).toHaveLength(1);
});

test("S38: a canceled tenant, suspended, subscribes anew", async ({ system }) => {
  const alice = await foundPaidTenant(system, { name: "Acme", person: "Alice" });
  const ended = await askBilling(alice, "cancelSubscription", { atPeriodEnd: false });
  expect(ended.status).toBe("done");
  expect(await currentTenant(alice)).toMatchObject({ status: "suspended", access: "none" });
  const { url } = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
  await press(url, { step: "pay", card: "pm_card_visa" });
  await tenantOnce(alice, ({ access }) => access === "full");
});

test("S39: a tenant whose customer was deleted at Stripe gets another and subscribes", async ({
  system,
}) => {
  const alice = await foundPaidTenant(system, { name: "Acme", person: "Alice" });
  const before = (await currentTenant(alice)).billing?.stripeCustomerId ?? "";
  await system.stripe.customers.del(before);
  await tenantOnce(alice, ({ access }) => access === "none");
  const request = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
  expect(request).toMatchObject({ status: "done", errorCode: null });
  await press(request.url, { step: "pay", card: "pm_card_visa" });
  const { billing } = await tenantOnce(alice, ({ access }) => access === "full");
  expect(billing?.stripeCustomerId).toMatch(/^cus_/);
  expect(billing?.stripeCustomerId).not.toBe(before);
});

test("who pays by card while the page is being made is not sold a second subscription", async ({
  system,
}) => {
  const alice = await foundUnpaid(system, "Alice");
  const { billing } = await currentTenant(alice);
  // The webhook is late: we still think that nothing was paid.
  await atStripe(system, "webhooks", { mode: "hold" });
  try {
    await confirmPayment(system, billing?.clientSecret, "pm_card_visa");
    const request = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
    expect(request).toMatchObject({ status: "failed", errorCode: "already_subscribed", url: null });
  } finally {
    await atStripe(system, "webhooks", { mode: "deliver" });
  }
  await tenantOnce(alice, ({ status }) => status === "active");
  expect((await atStripeOf(system, alice)).live).toHaveLength(1);
});

test("asked before Stripe knows the tenant, it waits for that and then answers", async ({
  system,
}) => {
  const alice = await foundTenant(system, { name: "Acme", person: "Alice" });
  const request = await askBilling(alice, "createCheckoutSession", { plan: "pro" });
  expect(request.status).toBe("done");
  const { billing } = await currentTenant(alice);
  expect(billing?.stripeCustomerId).toMatch(/^cus_/);
  const { data } = await system.stripe.customers.list({ email: alice.person.email });
  expect(data).toHaveLength(1);
});

test("only addresses of the application are returned to", async ({ system }) => {
  const alice = await foundUnpaid(system, "Alice");
  const bad = [
    "https://evil.example.com/",
    "https://app.example.com.evil.example.com/",
    "https://app.example.com@evil.example.com/",
    "https://app.example.com\\@evil.example.com/",
    "https:/\\evil.example.com",
    "//app.example.com/",
    "/billing",
    "javascript:alert(1)",
    "http://app.example.com/",
    "https://app.example.com:8443/",
    "https://app.example.com/\n",
    `https://app.example.com/${"x".repeat(2000)}`,
    "",
  ];
  for (const successUrl of bad) {
    const answer = await tryBilling(alice, "createCheckoutSession", { plan: "pro", successUrl });
    expect({ successUrl, codes: codesOf(answer) }).toEqual({
      successUrl,
      codes: ["BAD_USER_INPUT"],
    });
  }
  const portal = await tryBilling(alice, "createBillingPortalSession", { returnUrl: bad[0] });
  expect(codesOf(portal)).toEqual(["BAD_USER_INPUT"]);
  for (const returnUrl of ["https://app.example.com", `${system.url}/x?y#z`]) {
    const request = await askBilling(alice, "createBillingPortalSession", { returnUrl });
    expect(request).toMatchObject({ status: "done", url: expect.stringContaining("/p/session/") });
  }
});

test("a member, another tenant's owner, and a key without the scope get nothing", async ({
  system,
  database,
}) => {
  const alice = await foundPaidTenant(system, { name: "Acme", person: "Alice" });
  const mallory = await foundPaidTenant(system, { name: "Globex", person: "Mallory" });
  const portal = await askBilling(alice, "createBillingPortalSession");
  const bob = await memberOf(system, database, alice);
  const key = await makeApiKey(alice, ["read", "write"]);
  const machine = { ask: asking(system, key.secret) };
  for (const nobody of [bob, machine]) {
    const inputs = {
      createCheckoutSession: { plan: "pro" },
      createBillingPortalSession: {},
      previewPlanChange: { plan: "pro" },
      changePlan: { plan: "pro", previewId: portal.rowId },
      cancelSubscription: {},
      resumeSubscription: {},
    } as const;
    for (const [mutation, input] of Object.entries(inputs)) {
      const answer = await tryBilling(nobody, mutation as keyof typeof inputs, input);
      expect({ mutation, codes: codesOf(answer) }).toEqual({ mutation, codes: ["FORBIDDEN"] });
    }
    expect(await billingRequests(nobody)).toEqual([]);
  }
  expect(await billingRequests(mallory)).toEqual([]);
  const theirs = await mallory.ask(
    "query ($tenantId: UUID!, $id: UUID!) { billingRequest(tenantId: $tenantId, rowId: $id) { url } }",
    { tenantId: alice.tenantId, id: portal.rowId },
  );
  expect(theirs.data).toEqual({ billingRequest: null });

  const { secret } = await makeApiKey(alice, ["billing"]);
  const accountant = { ask: asking(system, secret) };
  expect((await askBilling(accountant, "createBillingPortalSession")).status).toBe("done");
  expect(await billingRequests(accountant)).toHaveLength(2);
});

function asking({ url }: System, token: string): Member["ask"] {
  return (query, variables) => graphql(url, token, query, variables);
}

/** Somebody in the tenant who may not manage its billing. */
async function memberOf(
  system: System,
  { urls }: TestDatabase,
  { tenantId }: Member,
): Promise<Pick<Member, "ask">> {
  const bob = await withClient(urls.superuser, (admin) => addMember(system, admin, { tenantId }));
  return { ask: asking(system, await accessToken(system.url, bob, tenantId)) };
}
