/** The price of what createTenant wished for is taken off sale before anything was made of it. */
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { openAlarms, priceOf } from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("the tenant can subscribe to another plan, and only to that", async ({ workshop }) => {
  const { stripe, pool } = workshop;
  const tenantId = await workshop.found();
  const pro = await priceOf(workshop, "pro_month");
  await stripe.prices.update(pro, { active: false });

  const id = await askAsOwner(workshop, tenantId, "create_checkout_session('starter')");
  await workshop.settle();
  const request = await rowOf(
    pool,
    "select status, error_code, url from app_public.billing_requests where id = $1",
    [id],
  );
  expect(request).toMatchObject({ status: "done", error_code: null });
  expect(await openAlarms(workshop, tenantId)).toMatchObject([{ kind: "provisioning_failed" }]);

  await stripe.prices.update(pro, { active: true });
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 0]);
});
