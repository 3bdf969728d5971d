/** A tenant is closed while a page to subscribe on is being made for it. */
import { runBillingRequest } from "../../tasks/run_billing_request.ts";
import { stripeWithdrawTenant } from "../../tasks/stripe_withdraw_tenant.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect, withClient } from "../support/index.ts";
import { paidTenant, sync } from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("a tenant that is closed and withdrawn while its page is prepared gets none that can be paid", async ({
  workshop,
}) => {
  const { stripe, options, database, helpers, pool } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await stripe.subscriptions.cancel(subscription);
  await sync(workshop, customer);
  const requestId = await askAsOwner(workshop, tenantId, "create_checkout_session('pro')");

  let looks = 0;
  const query: typeof helpers.query = async (sql: string, values: unknown[]) => {
    if (sql.includes("begin_billing_request")) looks += 1;
    const isSecondLook = sql.includes("begin_billing_request") && looks === 2;
    if (isSecondLook) {
      await withClient(database.urls.superuser, (client) =>
        client.query("update app_public.tenants set status = 'closed' where id = $1", [tenantId]),
      );
    }
    const result = await pool.query(sql, values);
    if (isSecondLook) {
      await stripeWithdrawTenant(options.stripe)({ tenant_id: tenantId }, helpers);
    }
    return result;
  };
  await runBillingRequest(options)(
    { tenant_id: tenantId, request_id: requestId },
    { ...helpers, query },
  );
  expect(looks).toBe(2);
  const { data } = await stripe.checkout.sessions.list({ customer, status: "open" });
  expect(data).toEqual([]);
});
