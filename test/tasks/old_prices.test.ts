/** Who bought a price that another has taken the lookup key of since. */
import { stripeSyncCatalog } from "../../tasks/stripe_sync_catalog.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { test } from "../support/billed_by_seat.ts";
import { expect } from "../support/index.ts";
import { addMembers, runBooked } from "../support/paid_tenant.ts";
import { rowOf } from "../support/query.ts";
import { openAlarms, paidTenant, priceOf, sync } from "../support/synced.ts";
import type { Workshop } from "../support/tasks.ts";

/** A tenant of two that pays 49 a seat for the plan pro, which costs 99 since. */
async function tenantOfOldPrice(seats: Workshop) {
  const { stripe, options, helpers } = seats;
  const copyCatalog = () => stripeSyncCatalog(options)({}, helpers);
  await copyCatalog();
  const tenant = await paidTenant(seats);
  await addMembers(seats, tenant.tenantId, 1);
  await sync(seats, tenant.customer);
  await runBooked(seats, "stripe_seats:");
  const bought = await priceOf(seats, "pro_month");
  const { product } = await stripe.prices.retrieve(bought);
  const { id: dearer } = await stripe.prices.create({
    product: typeof product === "string" ? product : product.id,
    currency: "usd",
    recurring: { interval: "month" },
    unit_amount: 9900,
    lookup_key: "pro_month",
    transfer_lookup_key: true,
  });
  await stripe.prices.update(bought, { active: false });
  await copyCatalog();
  await sync(seats, tenant.customer);
  const undo = async () => {
    await stripe.prices.update(bought, {
      active: true,
      lookup_key: "pro_month",
      transfer_lookup_key: true,
    });
    await stripe.prices.update(dearer, { active: false });
    await copyCatalog();
  };
  return { ...tenant, bought, undo };
}

async function ask(seats: Workshop, tenantId: string, call: string) {
  const id = await askAsOwner(seats, tenantId, call);
  await seats.settle();
  return rowOf(
    seats.pool,
    `select status, error_code, error_message, total, amount_due
    from app_public.billing_requests where id = $1`,
    [id],
  );
}

async function items({ stripe }: Workshop, subscription: string) {
  const found = await stripe.subscriptions.retrieve(subscription);
  return found.items.data.map(({ price, quantity }) => [price.id, quantity]);
}

test("can still change to another plan, which is for no number of seats", async ({ seats }) => {
  const { tenantId, subscription, undo } = await tenantOfOldPrice(seats);
  expect(await ask(seats, tenantId, "change_plan('enterprise')")).toMatchObject({
    status: "done",
    error_code: null,
  });
  const enterprise = await priceOf(seats, "enterprise_month");
  expect(await items(seats, subscription)).toEqual([[enterprise, 1]]);
  expect(await openAlarms(seats, tenantId)).toEqual([]);
  await undo();
});

test("keeps the price when asking for the plan there is", async ({ seats }) => {
  const { tenantId, subscription, bought, undo } = await tenantOfOldPrice(seats);
  for (const call of ["preview_plan_change('pro')", "change_plan('pro')"]) {
    expect(await ask(seats, tenantId, call)).toMatchObject({
      status: "done",
      error_code: null,
      total: 0,
      amount_due: 0,
    });
  }
  expect(await items(seats, subscription)).toEqual([[bought, 2]]);
  await undo();
});
