/** The database goes back in time, and Stripe does not: keys that it has seen must mean what they meant. */
import { expect, withClient } from "../support/index.ts";
import { addMembers, paidTenant, runBooked } from "../support/paid_tenant.ts";
import { test } from "../support/billed_by_seat.ts";

test("seats are right at once after a restore to before their last changes", async ({ seats }) => {
  const { stripe, database } = seats;
  const { tenantId, subscription } = await paidTenant(seats);
  const asSuperuser = (sql: string, values: unknown[]) =>
    withClient(database.urls.superuser, (client) => client.query(sql, values));
  const quantity = async () => {
    const { items } = await stripe.subscriptions.retrieve(subscription);
    return items.data[0]?.quantity;
  };
  const [person] = await addMembers(seats, tenantId, 1);
  await runBooked(seats, "stripe_seats:");
  await asSuperuser("delete from app_public.memberships where tenant_id = $1 and user_id = $2", [
    tenantId,
    person,
  ]);
  await runBooked(seats, "stripe_seats:");
  expect(await quantity()).toBe(1);

  await asSuperuser("delete from app_private.seat_changes where tenant_id = $1", [tenantId]);
  await addMembers(seats, tenantId, 1);
  await runBooked(seats, "stripe_seats:");
  expect(await quantity()).toBe(2);
});

test("a tenant founded in the moment of the backup, restored two days later, is not founded twice at Stripe", async ({
  workshop,
}) => {
  const { database, control } = workshop;
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await withClient(database.urls.superuser, async (client) => {
    await client.query("delete from app_private.stripe_customers where tenant_id = $1", [tenantId]);
    await client.query(
      `update app_public.billing_accounts set
        stripe_customer_id = null, stripe_subscription_id = null, client_secret = null
      where tenant_id = $1`,
      [tenantId],
    );
    await client.query(
      `update app_private.billing_intents set
        first_attempt_at = null, stripe_price_id = null, stripe_subscription_id = null,
        completed_at = null, created_at = created_at - interval '2 days'
      where tenant_id = $1`,
      [tenantId],
    );
    await client.query(
      `select graphile_worker.add_job(
        'stripe_provision_tenant', json_build_object('tenant_id', $1::uuid)
      )`,
      [tenantId],
    );
  });
  await control("advance", { seconds: 2 * 86_400 });
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect(customers.map(({ id }) => id)).toEqual([customer]);
  expect(subscriptions.map(({ id }) => id)).toEqual([subscription]);
});
