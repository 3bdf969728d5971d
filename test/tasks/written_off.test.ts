/** A debt that Stripe, or somebody there, gives up to collect, while the subscription goes on. */
import { DAY } from "../support/billing.ts";
import { expect } from "../support/index.ts";
import { paidTenant, standsSynced, type Paid } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

const fail = (workshop: Workshop, { subscription }: Paid) =>
  workshop.control(`subscriptions/${subscription}/renew`, { outcome: "fail" });

test("S27: one invoice written off after another gives nobody a new grace period", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const tenant = await paidTenant(workshop);
  await standsSynced(workshop, tenant);
  await fail(workshop, tenant);
  const first = await standsSynced(workshop, tenant);
  expect(first).toMatchObject({ status: "past_due", access: "full" });
  for (let month = 0; month < 2; month += 1) {
    const { customer } = tenant;
    const { data } = await stripe.invoices.list({ customer, status: "open" });
    await workshop.control("advance", { seconds: DAY });
    await stripe.invoices.markUncollectible(data[0]?.id ?? "");
    await standsSynced(workshop, tenant);
    await fail(workshop, tenant);
    const { status, grace_ends_at } = await standsSynced(workshop, tenant);
    expect([status, grace_ends_at]).toEqual(["past_due", first.grace_ends_at]);
  }
  // A payment ends it: what fails after it is another debt.
  await workshop.control("advance", { seconds: DAY });
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "pay" });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ grace_ends_at: null });
  await workshop.control("advance", { seconds: DAY });
  await fail(workshop, tenant);
  const next = await standsSynced(workshop, tenant);
  expect(Number(next.grace_ends_at)).toBeGreaterThan(Number(first.grace_ends_at));
});
