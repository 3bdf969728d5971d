/** Somebody asks for the plan that the tenant has. */
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { paidTenant, sync } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

async function change(workshop: Workshop, tenantId: string, plan: string) {
  const id = await askAsOwner(workshop, tenantId, `change_plan('${plan}')`);
  await workshop.settle();
  return rowOf<{ client_secret: string | null }>(
    workshop.pool,
    `select status, error_code, total, amount_due, client_secret
    from app_public.billing_requests where id = $1`,
    [id],
  );
}

const NOTHING = { status: "done", error_code: null, total: 0, amount_due: 0, client_secret: null };

test("who has changed to a plan a while ago and asks for it again is told that it costs nothing", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await sync(workshop, customer);
  expect(await change(workshop, tenantId, "enterprise")).toMatchObject({ amount_due: 45_000 });
  // The next request is made in a later second than the invoice was.
  const { latest_invoice: invoice } = await stripe.subscriptions.retrieve(subscription, {
    expand: ["latest_invoice"],
  });
  const made = typeof invoice === "object" ? (invoice?.created ?? 0) : 0;
  await expect.poll(() => Math.floor(Date.now() / 1000), { timeout: 3000 }).toBeGreaterThan(made);
  expect(await change(workshop, tenantId, "enterprise")).toEqual(NOTHING);
});

test("who stays after all is not handed the payment for the plan that was to be", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await sync(workshop, customer);
  const { id: card } = await stripe.paymentMethods.attach("pm_card_authenticationRequired", {
    customer,
  });
  await stripe.subscriptions.update(subscription, { default_payment_method: card });
  const { client_secret: secret } = await change(workshop, tenantId, "enterprise");
  expect(secret).toContain("_secret_");
  expect(await change(workshop, tenantId, "pro")).toEqual(NOTHING);
});
