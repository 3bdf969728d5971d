/** An outage so long that Stripe has forgotten what happened in it. */
import { expect, withClient } from "../support/index.ts";
import { runBooked } from "../support/paid_tenant.ts";
import { rowsOf } from "../support/query.ts";
import { openAlarms, paidTenant, priceOf, stands } from "../support/synced.ts";
import { DAY } from "../support/billing.ts";
import { test } from "../support/tasks.ts";
import { waitUntil } from "../support/wait_until.ts";

test("S59: after more than the 30 days that Stripe keeps events, all is compared", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  await pool.query("select app_private.request_poll()");
  await workshop.settle();
  // It pays, by the year so that nothing happens for long after, and nobody is told.
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  const { items } = await stripe.subscriptions.retrieve(subscription);
  await stripe.subscriptions.update(subscription, {
    items: [{ id: items.data[0]?.id ?? "", price: await priceOf(workshop, "pro_year") }],
  });
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "incomplete", access: "none" });

  await workshop.control("advance", { seconds: 31 * DAY });
  await waitUntil(async () => (await stripe.events.list({ limit: 1 })).data.length === 0);
  // Our own clock can't be moved, so the last poll is: further than checks are kept otherwise.
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query(
      `update app_private.stripe_checks set
        started_at = started_at - interval '91 days', finished_at = finished_at - interval '91 days'`,
    ),
  );
  await pool.query("select app_private.request_poll()");
  await workshop.settle();
  expect(await stands(workshop, tenantId)).toMatchObject({
    status: "active",
    access: "full",
    plan: "pro",
  });
  expect(
    await rowsOf(
      pool,
      "select result->>'drifted' as drifted from app_private.stripe_checks where kind = 'reconcile'",
    ),
  ).toEqual([{ drifted: "1" }]);
  await runBooked(workshop, "billing_drift:");
  expect(await openAlarms(workshop, customer)).toMatchObject([{ kind: "billing_drift" }]);
});
