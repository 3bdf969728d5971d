/** A change between a plan that is billed by seat and one that is not charges what its preview said. */
import { askAsOwner } from "../support/ask_as_owner.ts";
import { test } from "../support/billed_by_seat.ts";
import { expect, withClient } from "../support/index.ts";
import {
  addMembers,
  paidTenant,
  runBooked,
  syncCustomer,
  type PaidTenant,
} from "../support/paid_tenant.ts";
import { rowOf } from "../support/query.ts";
import type { Workshop } from "../support/tasks.ts";

/** A tenant of four on the plan pro. */
async function tenantOfFour(seats: Workshop): Promise<PaidTenant> {
  const tenant = await paidTenant(seats);
  await addMembers(seats, tenant.tenantId, 3);
  await runBooked(seats, "stripe_seats:");
  return tenant;
}

/** Asks as its owner, and lets all run that it leads to. */
async function ask(seats: Workshop, { tenantId, customer }: PaidTenant, call: string) {
  const id = await askAsOwner(seats, tenantId, call);
  await seats.settle();
  await syncCustomer(seats, customer);
  await runBooked(seats, "stripe_seats:");
  return rowOf<{ id: string; status: string; total: number; url: string }>(
    seats.pool,
    "select id, status, total, url from app_public.billing_requests where id = $1",
    [id],
  );
}

async function items({ stripe }: Workshop, { subscription }: PaidTenant) {
  const found = await stripe.subscriptions.retrieve(subscription);
  return found.items.data.map(({ price, quantity }) => [price.lookup_key, quantity]);
}

test("the seats of one plan are no quantity of another, there and back", async ({ seats }) => {
  const tenant = await tenantOfFour(seats);
  expect(await items(seats, tenant)).toEqual([["pro_month", 4]]);
  for (const [plan, quantity] of [
    ["enterprise", 1],
    ["pro", 4],
  ] as const) {
    const preview = await ask(seats, tenant, `preview_plan_change('${plan}')`);
    const call = `change_plan('${plan}', preview_id => '${preview.id}')`;
    const changed = await ask(seats, tenant, call);
    expect(changed).toMatchObject({ status: "done", total: preview.total });
    expect(await items(seats, tenant)).toEqual([[`${plan}_month`, quantity]]);
  }
});

test("who joins between a preview and its change is charged besides", async ({ seats }) => {
  const tenant = await tenantOfFour(seats);
  await ask(seats, tenant, "change_plan('enterprise')");
  const preview = await ask(seats, tenant, "preview_plan_change('pro')");
  await addMembers(seats, tenant.tenantId, 1);
  const call = `change_plan('pro', preview_id => '${preview.id}')`;
  expect(await ask(seats, tenant, call)).toMatchObject({ total: preview.total });
  expect(await items(seats, tenant)).toEqual([["pro_month", 5]]);
});

test("a page to subscribe on asks for all seats", async ({ seats }) => {
  const tenant = await tenantOfFour(seats);
  await seats.stripe.subscriptions.cancel(tenant.subscription);
  await syncCustomer(seats, tenant.customer);
  expect(await ask(seats, tenant, "create_checkout_session('pro')")).toMatchObject({
    status: "done",
  });
  const { customer } = tenant;
  const { data } = await seats.stripe.checkout.sessions.list({ customer, status: "open" });
  const lines = await seats.stripe.checkout.sessions.listLineItems(data[0]?.id ?? "");
  expect(lines.data.map(({ quantity }) => quantity)).toEqual([4]);
});

/** As the portal changes a plan: another price for the item, whose quantity stays. */
async function switchTo(seats: Workshop, { customer, subscription }: PaidTenant, plan: string) {
  const { stripe } = seats;
  const { data } = await stripe.prices.list({ lookup_keys: [`${plan}_month`] });
  const found = await stripe.subscriptions.retrieve(subscription);
  await stripe.subscriptions.update(subscription, {
    items: [{ id: found.items.data[0]?.id ?? "", price: data[0]?.id ?? "" }],
  });
  await syncCustomer(seats, customer);
  await runBooked(seats, "stripe_seats:");
}

test("what the portal changes to is not charged once for each member", async ({ seats }) => {
  const tenant = await tenantOfFour(seats);
  await switchTo(seats, tenant, "enterprise");
  expect(await items(seats, tenant)).toEqual([["enterprise_month", 1]]);
  // Three that nobody has had are given back.
  const { customer } = tenant;
  const { data } = await seats.stripe.invoiceItems.list({ customer, pending: true, limit: 100 });
  const owed = data.reduce((sum, { amount }) => sum + amount, 0);
  expect(Math.round(owed / 4900)).toBe(Math.round((49_900 - 4900) / 4900));
  await switchTo(seats, tenant, "pro");
  expect(await items(seats, tenant)).toEqual([["pro_month", 4]]);
});

test("nor is it when the number of seats needed no change before", async ({ seats }) => {
  const tenant = await tenantOfFour(seats);
  await ask(seats, tenant, "change_plan('enterprise')");
  await withClient(seats.database.urls.superuser, (client) =>
    client.query("delete from app_private.seat_changes where tenant_id = $1", [tenant.tenantId]),
  );
  await ask(seats, tenant, "change_plan('pro')");
  await switchTo(seats, tenant, "enterprise");
  expect(await items(seats, tenant)).toEqual([["enterprise_month", 1]]);
});
