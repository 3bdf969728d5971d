import { checkSeats } from "../../tasks/check_seats.ts";
import { test } from "../support/billed_by_seat.ts";
import { expect, withClient } from "../support/index.ts";
import { joinByInvitation, leave, removeByOwner } from "../support/joining.ts";
import {
  addMembers,
  paidTenant,
  runBooked,
  syncCustomer,
  type PaidTenant,
} from "../support/paid_tenant.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import type { Workshop } from "../support/tasks.ts";

const jobs = ({ database }: Workshop, tenantId: string) =>
  withClient(database.urls.superuser, (client) =>
    rowsOf<{ seconds: number }>(
      client,
      `select extract(epoch from run_at - now())::float as seconds
      from graphile_worker._private_jobs where key = 'stripe_seats:' || $1`,
      [tenantId],
    ),
  );

const runSeats = (workshop: Workshop) => runBooked(workshop, "stripe_seats:");

async function quantities({ stripe }: Workshop, { subscription }: PaidTenant) {
  const { items } = await stripe.subscriptions.retrieve(subscription);
  return items.data.map(({ quantity }) => quantity);
}

/** How often the subscription was changed at Stripe. */
async function updates({ stripe }: Workshop, { subscription }: PaidTenant): Promise<number> {
  const events = await stripe.events
    .list({ type: "customer.subscription.updated", limit: 100 })
    .autoPagingToArray({ limit: 1000 });
  return events.filter(({ data }) => Reflect.get(data.object, "id") === subscription).length;
}

function removeMembers({ database }: Workshop, tenantId: string, ids: readonly string[]) {
  return withClient(database.urls.superuser, (client) =>
    client.query("delete from app_public.memberships where tenant_id = $1 and user_id = any ($2)", [
      tenantId,
      ids,
    ]),
  );
}

/** The owner of a tenant that may have as many people as it likes. */
async function ownerWithoutLimit({ database }: Workshop, tenantId: string) {
  return withClient(database.urls.superuser, async (client) => {
    await client.query(
      `insert into app_private.feature_overrides (tenant_id, feature_key, quota)
      values ($1, 'seats', null)`,
      [tenantId],
    );
    const { user_id: userId } = await rowOf<{ user_id: string }>(
      client,
      "select user_id from app_public.memberships where tenant_id = $1",
      [tenantId],
    );
    return { userId, tenantId };
  });
}

test("S55: 500 changes in a burst are one update, with the number that there is then", async ({
  seats,
}) => {
  const tenant = await paidTenant(seats);
  const { tenantId, customer } = tenant;
  const before = await updates(seats, tenant);
  const owner = await ownerWithoutLimit(seats, tenantId);
  // By the API, as far as it is cheap, and some people go at once.
  const invited = await joinByInvitation(seats, owner, 30);
  await removeByOwner(seats, owner, invited.slice(0, 10));
  await leave(seats, tenantId, invited.slice(10, 20));
  // The others of the 500 come and go without: a hundred invitations are all that a day allows.
  const people = await addMembers(seats, tenantId, 345);
  await removeMembers(seats, tenantId, people.slice(0, 105));
  const [job, ...others] = await jobs(seats, tenantId);
  expect(others).toEqual([]);
  expect(job?.seconds).toBeLessThanOrEqual(5);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([251]);
  expect(await updates(seats, tenant)).toBe(before + 1);

  // Our own change comes back as an event, and is answered by nothing.
  await syncCustomer(seats, customer);
  expect(await jobs(seats, tenantId)).toEqual([]);

  // The next change waits: a minute lies between two, so there are at most 60 an hour.
  await removeByOwner(seats, owner, invited.slice(20));
  await removeMembers(seats, tenantId, people.slice(180));
  const [next] = await jobs(seats, tenantId);
  expect(next?.seconds).toBeGreaterThan(45);
  expect(next?.seconds).toBeLessThanOrEqual(60);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([76]);
  expect(await updates(seats, tenant)).toBe(before + 2);
});

test("another number at Stripe is put right once a sync finds it, and that is the end of it", async ({
  seats,
}) => {
  const tenant = await paidTenant(seats);
  const { tenantId, customer, subscription } = tenant;
  await addMembers(seats, tenantId, 2);
  await runSeats(seats);
  const { items } = await seats.stripe.subscriptions.retrieve(subscription);
  await seats.stripe.subscriptions.update(subscription, {
    items: [{ id: items.data[0]?.id ?? "", quantity: 99 }],
  });
  const before = await updates(seats, tenant);
  for (const expected of [1, 0, 0]) {
    await syncCustomer(seats, customer);
    expect(await jobs(seats, tenantId)).toHaveLength(expected);
    await runSeats(seats);
  }
  expect(await quantities(seats, tenant)).toEqual([3]);
  expect(await updates(seats, tenant)).toBe(before + 1);
});

test("a change whose job was given up is found by the daily look", async ({ seats }) => {
  const tenant = await paidTenant(seats);
  await addMembers(seats, tenant.tenantId, 3);
  await withClient(seats.database.urls.superuser, (client) =>
    client.query("delete from graphile_worker._private_jobs where key like 'stripe_seats:%'"),
  );
  await checkSeats()({}, seats.helpers);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([4]);
  await syncCustomer(seats, tenant.customer);
  await checkSeats()({}, seats.helpers);
  expect(await jobs(seats, tenant.tenantId)).toEqual([]);
});

test("seats that are added are charged, those taken away are not given back, nor charged again", async ({
  seats,
}) => {
  const tenant = await paidTenant(seats);
  const { tenantId, customer } = tenant;
  /** In whole seats: the month has just begun. */
  const charged = async () => {
    const { data } = await seats.stripe.invoiceItems.list({ customer, pending: true });
    return Math.round(data.reduce((sum, { amount }) => sum + amount, 0) / 4900);
  };
  const people = await addMembers(seats, tenantId, 3);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([4]);
  expect(await charged()).toBe(3);

  await removeMembers(seats, tenantId, people);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([1]);
  const again = await addMembers(seats, tenantId, 3);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([4]);
  expect(await charged()).toBe(3);

  // Of four that come for two that left, two are paid for already.
  await removeMembers(seats, tenantId, again.slice(0, 2));
  await runSeats(seats);
  const before = await updates(seats, tenant);
  await addMembers(seats, tenantId, 4);
  await runSeats(seats);
  expect(await quantities(seats, tenant)).toEqual([6]);
  expect(await updates(seats, tenant)).toBe(before + 2);
  expect(await charged()).toBe(5);
});

test.for(["reset_after", "500_after", "500_before", "429_lock_timeout"] as const)(
  "after %s the quantity is right, and was set once",
  async (kind, { seats }) => {
    const tenant = await paidTenant(seats);
    await addMembers(seats, tenant.tenantId, 1);
    const before = await updates(seats, tenant);
    await seats.control("faults", { kind, method: "POST", path: "/v1/subscriptions/:id" });
    await runSeats(seats);
    expect(await quantities(seats, tenant)).toEqual([2]);
    expect(await updates(seats, tenant)).toBe(before + 1);
  },
);

test("only the item that is billed by seat is touched, wherever it stands", async ({ seats }) => {
  const { stripe } = seats;
  const tenant = await paidTenant(seats);
  const { data } = await stripe.prices.list({ lookup_keys: ["pro_month"] });
  const addOn = await stripe.prices.create({
    currency: "usd",
    unit_amount: 500,
    recurring: { interval: "month" },
    product_data: { name: "Support" },
  });
  await stripe.subscriptions.cancel(tenant.subscription);
  const { id } = await stripe.subscriptions.create({
    customer: tenant.customer,
    items: [{ price: addOn.id }, { price: data[0]?.id ?? "" }],
    trial_end: Math.floor(Date.now() / 1000) + 86_400,
  });
  await addMembers(seats, tenant.tenantId, 4);
  await syncCustomer(seats, tenant.customer);
  await runSeats(seats);
  const { items } = await stripe.subscriptions.retrieve(id);
  expect(
    Object.fromEntries(items.data.map(({ price, quantity }) => [price.lookup_key, quantity])),
  ).toEqual({ null: 1, pro_month: 5 });
});
