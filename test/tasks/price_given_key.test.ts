/** A subscription whose price comes to be one of ours only after it was bought. */
import { stripeSyncCatalog } from "../../tasks/stripe_sync_catalog.ts";
import { expect } from "../support/index.ts";
import {
  copyOf,
  openAlarms,
  priceOf,
  stands,
  standsSynced,
  strangePrice,
  tenantWith,
} from "../support/synced.ts";
import { test } from "../support/tasks.ts";

test("the plan is the tenant's as soon as the price is given its lookup key", async ({
  workshop,
}) => {
  const { stripe, options, helpers, settle } = workshop;
  const price = await strangePrice(workshop, { unit_amount: 19_900 });
  const tenant = await tenantWith(workshop, { items: [{ price }] });
  const { subscription, tenantId } = tenant;
  expect(await standsSynced(workshop, tenant)).toMatchObject({ plan: "pro", access: "full" });
  expect(await openAlarms(workshop, subscription)).toMatchObject([{ kind: "unknown_price" }]);

  const before = await priceOf(workshop, "enterprise_month");
  await stripe.prices.update(price, {
    lookup_key: "enterprise_month",
    transfer_lookup_key: true,
  });
  await stripe.prices.update(before, { active: false });
  // What the event of the price has done.
  await stripeSyncCatalog(options)({}, helpers);
  await settle();
  expect(await copyOf(workshop, tenant)).toMatchObject({ plan_key: "enterprise" });
  expect(await stands(workshop, tenantId)).toMatchObject({ plan: "enterprise" });
  expect(await openAlarms(workshop, subscription)).toEqual([]);
});
