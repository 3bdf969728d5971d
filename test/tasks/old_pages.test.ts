/** A page to subscribe on that was opened before what it sells has changed. */
import { stripeSyncCatalog } from "../../tasks/stripe_sync_catalog.ts";
import { press } from "../dev/stripe_hosted.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { test } from "../support/billed_by_seat.ts";
import { expect, withClient } from "../support/index.ts";
import { addMembers, runBooked, syncCustomer } from "../support/paid_tenant.ts";
import { rowOf } from "../support/query.ts";
import { paidTenant, priceOf } from "../support/synced.ts";
import type { Workshop } from "../support/tasks.ts";

type Subscriber = Awaited<ReturnType<typeof paidTenant>>;

/** Asks for a page for the plan pro; what all that are open sell. */
async function ask(seats: Workshop, { tenantId, customer }: Subscriber) {
  const { stripe, pool } = seats;
  const id = await askAsOwner(seats, tenantId, "create_checkout_session('pro')");
  await seats.settle();
  const { url } = await rowOf<{ url: string | null }>(
    pool,
    "select url from app_public.billing_requests where id = $1",
    [id],
  );
  const { data } = await stripe.checkout.sessions.list({ customer, status: "open" });
  const sold = await Promise.all(
    data.map(async (session) => {
      const { data: lines } = await stripe.checkout.sessions.listLineItems(session.id);
      return [lines[0]?.price?.id, lines[0]?.quantity, session.url];
    }),
  );
  return { url, sold };
}

/** A tenant of three whose subscription has ended. */
async function endedTenant(seats: Workshop): Promise<Subscriber> {
  const tenant = await paidTenant(seats);
  await addMembers(seats, tenant.tenantId, 2);
  await seats.stripe.subscriptions.cancel(tenant.subscription);
  await syncCustomer(seats, tenant.customer);
  return tenant;
}

test("is closed for one that asks for as many seats as there are now", async ({ seats }) => {
  const tenant = await endedTenant(seats);
  const price = await priceOf(seats, "pro_month");
  const before = await ask(seats, tenant);
  expect(before.sold).toEqual([[price, 3, before.url]]);
  expect(await ask(seats, tenant)).toEqual(before);

  await withClient(seats.database.urls.superuser, (client) =>
    client.query("delete from app_public.memberships where tenant_id = $1 and role = 'member'", [
      tenant.tenantId,
    ]),
  );
  const after = await ask(seats, tenant);
  expect(after.sold).toEqual([[price, 1, after.url]]);
});

test("is closed for one that asks for what the plan costs now", async ({ seats }) => {
  const { stripe, options, helpers } = seats;
  const tenant = await endedTenant(seats);
  await ask(seats, tenant);
  const { product } = await stripe.prices.retrieve(await priceOf(seats, "pro_month"));
  const { id: cheaper } = await stripe.prices.create({
    product: typeof product === "string" ? product : product.id,
    currency: "usd",
    recurring: { interval: "month" },
    unit_amount: 2900,
    lookup_key: "pro_month",
    transfer_lookup_key: true,
  });
  await stripeSyncCatalog(options)({}, helpers);
  const after = await ask(seats, tenant);
  expect(after.sold).toEqual([[cheaper, 3, after.url]]);
});

test("is not charged for who has left by the time it is paid, nor twice for who comes after", async ({
  seats,
}) => {
  const { stripe } = seats;
  const tenant = await endedTenant(seats);
  const { tenantId, customer } = tenant;
  const { url } = await ask(seats, tenant);
  await withClient(seats.database.urls.superuser, (client) =>
    client.query("delete from app_public.memberships where tenant_id = $1 and role = 'member'", [
      tenantId,
    ]),
  );
  await press(url ?? "", { step: "pay", card: "pm_card_visa" });
  await syncCustomer(seats, customer);
  await runBooked(seats, "stripe_seats:");

  const { data } = await stripe.subscriptions.list({ customer });
  const price = data[0]?.items.data[0]?.price.unit_amount ?? 0;
  expect(data[0]?.items.data[0]?.quantity).toBe(1);
  const owed = async () => {
    const pending = await stripe.invoiceItems.list({ customer, pending: true, limit: 100 });
    return Math.round(pending.data.reduce((sum, { amount }) => sum + amount, 0) / price);
  };
  expect(await owed()).toBe(-2);

  await addMembers(seats, tenantId, 1);
  await runBooked(seats, "stripe_seats:");
  expect(await owed()).toBe(-1);
});
