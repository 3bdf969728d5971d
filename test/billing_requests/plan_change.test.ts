/** Changing, canceling and keeping a subscription, over HTTP against the emulator. */
import { askBilling, billingRequests, tryBilling } from "../support/billing_requests.ts";
import { expect, withClient } from "../support/index.ts";
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

function paidTenant(system: System, plan = "starter"): Promise<Member> {
  return foundPaidTenant(system, { name: "Acme", person: "Alice", plan });
}

async function subscriptionOf({ stripe }: System, member: Member) {
  const { billing } = await currentTenant(member);
  return stripe.subscriptions.retrieve(billing?.stripeSubscriptionId ?? "", {
    expand: ["latest_invoice"],
  });
}

async function useCard({ stripe }: System, member: Member, card: string): Promise<void> {
  const { billing } = await currentTenant(member);
  const attached = await stripe.paymentMethods.attach(card, {
    customer: billing?.stripeCustomerId ?? "",
  });
  await stripe.subscriptions.update(billing?.stripeSubscriptionId ?? "", {
    default_payment_method: attached.id,
  });
}

test(
  "S56: what a change costs is what its preview said, to the cent",
  { timeout: 60_000 },
  async ({ system }) => {
    const alice = await paidTenant(system);
    const preview = await askBilling(alice, "previewPlanChange", { plan: "pro" });
    expect(preview).toMatchObject({ status: "done", kind: "preview", currency: "usd" });
    expect(preview.lines?.map(({ amount }) => amount)).toEqual([-1900, 4900]);
    expect(preview.total).toBe(3000);
    // A day later every second counts: the amounts are those of the preview's time.
    await atStripe(system, "advance", { seconds: 86_400 });
    const changed = await askBilling(alice, "changePlan", {
      plan: "pro",
      previewId: preview.rowId,
    });
    expect(changed).toMatchObject({
      status: "done",
      errorCode: null,
      clientSecret: null,
      total: preview.total,
      amountDue: preview.amountDue,
      proratedAt: preview.proratedAt,
    });
    const { latest_invoice: invoice } = await subscriptionOf(system, alice);
    expect(invoice).toMatchObject({ status: "paid", total: preview.total });
    // Stripe's answer is in the tenant when it is in the request.
    expect(await currentTenant(alice)).toMatchObject({ plan: "pro", status: "active" });
  },
);

test("S57: a change replaces the plan's item, wherever it stands, and keeps its quantity", async ({
  system,
}) => {
  const alice = await paidTenant(system);
  const { id, items } = await subscriptionOf(system, alice);
  const { stripe } = system;
  const addOn = await stripe.prices.create({
    currency: "usd",
    unit_amount: 500,
    recurring: { interval: "month" },
    product_data: { name: "Add-on" },
  });
  await stripe.subscriptions.update(id, {
    items: [
      { id: items.data[0]?.id ?? "", deleted: true },
      { price: addOn.id },
      { price: items.data[0]?.price.id ?? "", quantity: 3 },
    ],
  });
  expect((await askBilling(alice, "changePlan", { plan: "pro" })).status).toBe("done");
  const after = await subscriptionOf(system, alice);
  expect(
    after.items.data.map(({ price, quantity }) => [price.lookup_key ?? "add-on", quantity]),
  ).toEqual([
    ["add-on", 1],
    ["pro_month", 3],
  ]);
});

test("a smaller plan is credited at once, and a yearly one is charged at once", async ({
  system,
}) => {
  const alice = await paidTenant(system, "pro");
  const smaller = await askBilling(alice, "changePlan", { plan: "starter" });
  expect(smaller).toMatchObject({ status: "done", amountDue: 0 });
  expect(smaller.total).toBeLessThan(0);
  const yearly = await askBilling(alice, "changePlan", { plan: "starter", interval: "year" });
  expect(yearly).toMatchObject({ status: "done", total: 17_100 });
  expect(yearly.amountDue).toBe(17_100 + (smaller.total ?? 0));
  // Without an interval the yearly one stays.
  await askBilling(alice, "changePlan", { plan: "pro" });
  const { items } = await subscriptionOf(system, alice);
  expect(items.data.map(({ price }) => price.lookup_key)).toEqual(["pro_year"]);
});

test("S53: a declined card says so; with a new card the same change is another request", async ({
  system,
}) => {
  const alice = await paidTenant(system);
  await useCard(system, alice, "pm_card_chargeCustomerFail");
  const declined = await askBilling(alice, "changePlan", { plan: "pro" });
  expect(declined).toMatchObject({
    status: "failed",
    errorCode: "card_declined",
    errorMessage: "Your card was declined.",
    clientSecret: expect.stringMatching(/^pi_.+_secret_/),
  });
  expect(await currentTenant(alice)).toMatchObject({ plan: "starter", access: "full" });
  await useCard(system, alice, "pm_card_visa");
  const paid = await askBilling(alice, "changePlan", { plan: "pro" });
  expect(paid).toMatchObject({ status: "done", errorCode: null });
  expect(paid.rowId).not.toBe(declined.rowId);
  expect(await currentTenant(alice)).toMatchObject({ plan: "pro", access: "full" });
});

test("a bank that asks is answered with the secret, in the request and in billing", async ({
  system,
}) => {
  const alice = await paidTenant(system);
  await useCard(system, alice, "pm_card_authenticationRequired");
  const asked = await askBilling(alice, "changePlan", { plan: "pro" });
  expect(asked).toMatchObject({ status: "done", errorCode: null });
  const waiting = await currentTenant(alice);
  expect(waiting).toMatchObject({ plan: "starter", status: "active", access: "full" });
  expect(asked.clientSecret).toMatch(/^pi_.+_secret_/);
  expect(waiting.billing?.clientSecret).toBe(asked.clientSecret);
  const intent = asked.clientSecret?.split("_secret_")[0] ?? "";
  await atStripe(system, `payment_intents/${intent}/authenticate`, {});
  await tenantOnce(alice, ({ plan }) => plan === "pro");
});

test("a plan that is too small for the tenant is refused, and the reason named", async ({
  system,
  database,
}) => {
  const alice = await paidTenant(system, "pro");
  await withClient(database.urls.superuser, async (admin) => {
    for (let member = 0; member < 3; member += 1) await addMember(system, admin, alice);
  });
  for (const mutation of ["previewPlanChange", "changePlan"] as const) {
    const answer = await tryBilling(alice, mutation, { plan: "starter" });
    expect(answer.errors).toMatchObject([
      {
        extensions: {
          code: "LIMIT_EXCEEDED",
          details: {
            feature: "seats",
            limit: 3,
            used: 4,
            resetsAt: null,
            exceeded: [{ feature: "seats", limit: 3, used: 4 }],
          },
        },
      },
    ]);
  }
  expect(await billingRequests(alice)).toEqual([]);
});

test("a preview serves for its own tenant, plan and interval only", async ({ system }) => {
  const alice = await paidTenant(system);
  const mallory = await paidTenant(system);
  const { rowId: previewId } = await askBilling(mallory, "previewPlanChange", { plan: "pro" });
  const nobodys = "018f0000-0000-7000-8000-000000000000";
  const answers = await Promise.all([
    tryBilling(alice, "changePlan", { plan: "pro", previewId }),
    tryBilling(alice, "changePlan", { plan: "pro", previewId: nobodys }),
    tryBilling(mallory, "changePlan", { plan: "enterprise", previewId }),
    tryBilling(mallory, "changePlan", { plan: "pro", interval: "year", previewId }),
  ]);
  for (const answer of answers) expect(codesOf(answer)).toEqual(["BAD_USER_INPUT"]);
  // Whose it is can't be told from that there is none.
  const bare = answers.slice(0, 2).map(({ errors }) => errors[0]?.message);
  expect(bare[0]).toBe(bare[1]);
});

test("a cancellation takes effect at the period's end, and can be taken back until then", async ({
  system,
}) => {
  const alice = await paidTenant(system);
  for (let time = 0; time < 2; time += 1) {
    const canceled = await askBilling(alice, "cancelSubscription");
    expect(canceled).toMatchObject({ status: "done", kind: "cancel" });
    const { cancelAt, currentPeriodEnd, access } = await currentTenant(alice);
    expect([cancelAt, access]).toEqual([currentPeriodEnd, "full"]);
  }
  expect((await askBilling(alice, "resumeSubscription")).status).toBe("done");
  expect(await currentTenant(alice)).toMatchObject({ cancelAt: null, access: "full" });

  // As the portal does it: a time without the flag.
  const { id } = await subscriptionOf(system, alice);
  await system.stripe.subscriptions.update(id, { cancel_at: "min_period_end" });
  expect((await askBilling(alice, "resumeSubscription")).status).toBe("done");
  expect((await subscriptionOf(system, alice)).cancel_at).toBeNull();
});

test("the portal opens at what was asked for", async ({ system }) => {
  const alice = await paidTenant(system);
  for (const flow of ["payment_method_update", "subscription_cancel", "subscription_update"]) {
    const request = await askBilling(alice, "createBillingPortalSession", { flow });
    expect({ flow, ...request }).toMatchObject({ flow, status: "done", errorCode: null });
    expect(request.url).toContain("/p/session/");
  }
});

test("a cancellation at once ends access, and there is nothing to change any more", async ({
  system,
}) => {
  const alice = await paidTenant(system);
  await askBilling(alice, "cancelSubscription", { atPeriodEnd: false });
  expect(await currentTenant(alice)).toMatchObject({ status: "suspended", access: "none" });
  for (const mutation of ["changePlan", "previewPlanChange"] as const) {
    expect(codesOf(await tryBilling(alice, mutation, { plan: "pro" }))).toEqual(["CONFLICT"]);
  }
  for (const mutation of ["cancelSubscription", "resumeSubscription"] as const) {
    expect(codesOf(await tryBilling(alice, mutation))).toEqual(["CONFLICT"]);
  }
});

test("a tenant that has not paid can give up, and one in arrears pays before it changes", async ({
  system,
}) => {
  const alice = await foundTenant(system, { name: "Acme", person: "Alice" });
  await tenantOnce(alice, ({ status }) => status === "incomplete");
  expect((await askBilling(alice, "cancelSubscription")).status).toBe("done");
  const { billing } = await currentTenant(alice);
  const late = await confirmPayment(system, billing?.clientSecret, "pm_card_visa");
  expect(late.status).not.toBe(200);

  const bob = await paidTenant(system);
  const { id } = await subscriptionOf(system, bob);
  await atStripe(system, `subscriptions/${id}/renew`, { outcome: "fail" });
  await tenantOnce(bob, ({ status }) => status === "past_due");
  const answer = await tryBilling(bob, "changePlan", { plan: "pro" });
  expect(answer.errors[0]?.message).toBe("What is owed must be paid first");
  expect((await askBilling(bob, "createBillingPortalSession")).status).toBe("done");
});
