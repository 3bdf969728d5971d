/** A subscription that ended while something was owed: paying that would bring nothing back. */
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { paidTenant, sync } from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("nobody is handed the secret to pay for a subscription that has ended", async ({
  workshop,
}) => {
  const { stripe, pool } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  const secret = () =>
    rowOf(pool, "select client_secret from app_public.billing_accounts where tenant_id = $1", [
      tenantId,
    ]);
  await workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });
  await sync(workshop, customer);
  expect(await secret()).toEqual({ client_secret: expect.stringContaining("_secret_") });
  await stripe.subscriptions.cancel(subscription);
  // What was owed is owed still, and the list of invoices leads to where it can be paid.
  const { data } = await stripe.invoices.list({ customer, status: "open" });
  expect(data).toHaveLength(1);
  await sync(workshop, customer);
  expect(await secret()).toEqual({ client_secret: null });
});
