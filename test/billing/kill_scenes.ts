/** The ways that are attacked, each from its beginning to what must be true at its end. */
import Stripe from "stripe";

import { standing } from "../support/billing.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import type { Workshop } from "../support/tasks.ts";
import type { Failpoint } from "./failpoints.ts";
import { startReceiver } from "./receiver.ts";
import { runReceiver, runWorker, type Ran, type Scene, type Victims } from "./killing.ts";

const SECRET = "whsec_kill_everywhere";

/** One way: run it with a death at `target`, or without, and then see that all is well. */
export type Way = (
  workshop: Workshop,
  victims: Victims,
  target: Failpoint | undefined,
) => Promise<Ran>;

/** createTenant's job, from the wish to the incomplete subscription that is copied. */
export const saga: Way = async (workshop, victims, target) => {
  const tenantId = await workshop.found();
  const ran = await runWorker(victims, sceneOf(workshop), target);
  await workshop.settle();
  await expectConverged(workshop, tenantId, { status: "incomplete" });
  return ran;
};

/** A webhook on its way into the inbox. */
export const receipt: Way = async (workshop, victims, target) => {
  const { tenantId, event } = await paidTenant(workshop);
  let answer: number | undefined;
  const ran = await runReceiver(
    victims,
    sceneOf(workshop),
    { secret: SECRET, ...(target === undefined ? {} : { target }) },
    async (url) => {
      answer = await deliver(url, event);
    },
  );
  // Stripe takes only a 2xx for a receipt, and comes again.
  if (answer !== 200) await deliverInProcess(workshop, event);
  expect(await inboxRow(workshop, event.id)).toMatchObject({ status: "pending" });
  await workshop.settle();
  await expectConverged(workshop, tenantId, { status: "active" });
  expect(await inboxRow(workshop, event.id)).toMatchObject({ status: "processed" });
  return ran;
};

/** From the inbox to the tenant. */
export const application: Way = async (workshop, victims, target) => {
  const { tenantId, event } = await paidTenant(workshop);
  await deliverInProcess(workshop, event);
  const ran = await runWorker(victims, sceneOf(workshop), target);
  await workshop.settle();
  await expectConverged(workshop, tenantId, { status: "active" });
  expect(await inboxRow(workshop, event.id)).toMatchObject({ status: "processed" });
  return ran;
};

function sceneOf({ database, stripeUrl, mails }: Workshop): Scene {
  return { urls: database.urls, stripeUrl, mails };
}

/** A tenant that has paid, and does not know it yet. */
async function paidTenant(workshop: Workshop): Promise<{ tenantId: string; event: Stripe.Event }> {
  const tenantId = await workshop.found();
  await workshop.settle();
  const [customer] = (await workshop.atStripe(tenantId)).customers;
  const { data } = await workshop.stripe.paymentIntents.list({ customer: customer?.id ?? "" });
  await workshop.stripe.paymentIntents.confirm(data[0]?.id ?? "", {
    payment_method: "pm_card_visa",
  });
  const { data: events } = await workshop.stripe.events.list({ type: "invoice.paid", limit: 1 });
  const [event] = events;
  if (event === undefined) throw new Error("Nothing was paid");
  return { tenantId, event };
}

async function deliver(url: string, event: Stripe.Event): Promise<number | undefined> {
  const payload = JSON.stringify(event);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
  try {
    const { status } = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "stripe-signature": signature },
      body: payload,
    });
    return status;
  } catch {
    return undefined;
  }
}

async function deliverInProcess(workshop: Workshop, event: Stripe.Event): Promise<void> {
  await using receiver = await startReceiver({
    databaseUrl: workshop.database.urls.server,
    secret: SECRET,
  });
  expect(await deliver(receiver.url, event)).toBe(200);
}

function inboxRow({ pool }: Workshop, id: string) {
  return rowOf(pool, "select status from app_private.stripe_events where id = $1", [id]);
}

/** One customer, one live subscription, our rows as Stripe's, nothing left to do, no mail twice. */
async function expectConverged(
  workshop: Workshop,
  tenantId: string,
  wanted: { status: string },
): Promise<void> {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  expect(subscriptions[0]).toMatchObject(wanted);
  const { pool, database, mails } = workshop;
  await withClient(database.urls.superuser, async (client) => {
    expect(await standing(client, tenantId)).toMatchObject({
      ...wanted,
      plan: "pro",
      subscription: subscriptions[0]?.id,
    });
  });
  expect(
    await rowsOf(
      pool,
      `select stripe_customer_id, intents.stripe_subscription_id, completed_at is not null as completed
      from app_public.billing_accounts
      join app_private.billing_intents as intents using (tenant_id) where tenant_id = $1`,
      [tenantId],
    ),
  ).toEqual([
    {
      stripe_customer_id: customers[0]?.id,
      stripe_subscription_id: subscriptions[0]?.id,
      completed: true,
    },
  ]);
  expect(
    await rowsOf(pool, "select from graphile_worker._private_jobs where run_at <= now()"),
  ).toEqual([]);
  const mailed = mails.map(({ key, to }) => `${key} ${to}`);
  expect(mailed).toEqual([...new Set(mailed)]);
}
