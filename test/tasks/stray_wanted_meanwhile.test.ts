/** A second customer of a tenant that comes to be the one that counts while it is looked at. */
import type Stripe from "stripe";

import { settleStray } from "../../tasks/stripe_strays.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { openAlarms, paidTenant, priceOf } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** Subscriptions whose list is not answered before `happens` has. */
function listedAfter(
  subscriptions: Stripe["subscriptions"],
  happens: () => Promise<unknown>,
): Stripe["subscriptions"] {
  const later: Stripe["subscriptions"] = Object.create(subscriptions);
  later.list = (params) => {
    const list = subscriptions.list(params);
    return Object.assign(
      happens().then(() => list),
      list,
    );
  };
  return later;
}

async function settleWhileItBecomesWanted(workshop: Workshop, tenantId: string, id: string) {
  const { stripe, pool, database } = workshop;
  const { intent_id } = await rowOf<{ intent_id: string }>(
    pool,
    "select id as intent_id from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const comesToCount = () =>
    withClient(database.urls.superuser, (client) =>
      client.query(
        "update app_public.billing_accounts set stripe_customer_id = $2 where tenant_id = $1",
        [tenantId, id],
      ),
    );
  return settleStray({
    stripe: {
      customers: stripe.customers,
      subscriptions: listedAfter(stripe.subscriptions, comesToCount),
    },
    query: workshop.helpers.query,
    stray: { customer_id: id, tenant_id: tenantId, intent_id, has_another: true },
  });
}

test("it is neither removed nor told of, whether something was paid on it or not", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { tenantId } = await paidTenant(workshop);
  const unpaid = await stripe.customers.create({});
  expect(await settleWhileItBecomesWanted(workshop, tenantId, unpaid.id)).toBe("left");
  expect(await stripe.customers.retrieve(unpaid.id)).not.toHaveProperty("deleted", true);

  const paying = await stripe.customers.create({
    payment_method: "pm_card_visa",
    invoice_settings: { default_payment_method: "pm_card_visa" },
  });
  await stripe.subscriptions.create({
    customer: paying.id,
    items: [{ price: await priceOf(workshop, "pro_month") }],
  });
  expect(await settleWhileItBecomesWanted(workshop, tenantId, paying.id)).toBe("left");
  expect(await openAlarms(workshop, paying.id)).toEqual([]);
});

test("nor is it called adopted when its tenant has another by then", async ({ workshop }) => {
  const { stripe, pool, helpers } = workshop;
  const { tenantId } = await paidTenant(workshop);
  const { intent_id } = await rowOf<{ intent_id: string }>(
    pool,
    "select id as intent_id from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const { id } = await stripe.customers.create({});
  const stray = { customer_id: id, tenant_id: tenantId, intent_id, has_another: false };
  expect(await settleStray({ stripe, query: helpers.query, stray })).toBe("left");
});
