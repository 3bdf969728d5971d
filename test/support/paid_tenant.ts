/** A tenant that has gone the whole way by the tasks, for tests of what comes after. */
import { withClient } from "./server.ts";
import { rowsOf } from "./query.ts";
import type { Workshop } from "./tasks.ts";

export type PaidTenant = { tenantId: string; customer: string; subscription: string };

/** Founds a tenant on the plan pro, pays for it, and copies what Stripe says. */
export async function paidTenant(workshop: Workshop): Promise<PaidTenant> {
  const { stripe } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  const [customer = "", subscription = ""] = [customers[0]?.id, subscriptions[0]?.id];
  const { data } = await stripe.paymentIntents.list({ customer });
  await stripe.paymentIntents.confirm(data[0]?.id ?? "", { payment_method: "pm_card_visa" });
  await syncCustomer(workshop, customer);
  return { tenantId, customer, subscription };
}

/** What an event about the customer leads to. */
export async function syncCustomer(workshop: Workshop, customer: string): Promise<void> {
  await workshop.pool.query("select app_private.request_customer_sync($1)", [customer]);
  await workshop.settle();
}

/** Adds people to a tenant, without invitations; returns their ids. */
export async function addMembers(
  { database }: Workshop,
  tenantId: string,
  count: number,
  role = "member",
): Promise<string[]> {
  return withClient(database.urls.superuser, async (client) => {
    const people = await rowsOf<{ id: string }>(
      client,
      `insert into auth.users (email, name)
      select gen_random_uuid() || '@example.com', 'Person ' || number
      from generate_series(1, $1) as number
      returning id`,
      [count],
    );
    await client.query(
      `insert into app_public.memberships (tenant_id, user_id, role)
      select $1, unnest($2::uuid[]), $3`,
      [tenantId, people.map(({ id }) => id), role],
    );
    return people.map(({ id }) => id);
  });
}

/** Makes the jobs due whose key starts so, and runs them. */
export async function runBooked(workshop: Workshop, key: string): Promise<void> {
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query(
      "update graphile_worker._private_jobs set run_at = now() where key like $1 || '%'",
      [key],
    ),
  );
  await workshop.settle();
}
