/** Billing requests as the database sees them, on one connection: nobody answers. */
import type pg from "pg";

import { asUser } from "./acting.ts";
import type { Cast } from "./cast.ts";
import { codeOf, rowOf } from "./query.ts";

/** Somebody, in a tenant. */
export type Person = { userId: string; tenantId: string };

/** Calls a function of the API; the SQLSTATE it is refused with, or "done". */
export function attempt(client: pg.ClientBase, who: Person, call: string): Promise<unknown> {
  return codeOf(asUser(client, who, () => client.query(`select app_public.${call}`)));
}

/** Calls one that books a request, and returns that. */
export function ask(client: pg.ClientBase, who: Person, call: string) {
  return asUser(client, who, () =>
    rowOf<{ id: string; kind: string; status: string }>(client, `select * from app_public.${call}`),
  );
}

/** Gives a tenant a customer and a subscription in this status. */
export async function subscribe(
  client: pg.ClientBase,
  tenantId: string,
  status: string,
): Promise<void> {
  await client.query("select app_private.record_intent_customer($1, $2)", [
    tenantId,
    `cus_${tenantId}`,
  ]);
  await client.query(
    `insert into app_private.stripe_subscriptions (tenant_id, id, customer_id, status, created_at)
    values ($1, 'sub_1', $2, $3, now())
    on conflict (tenant_id, id) do update set status = excluded.status`,
    [tenantId, `cus_${tenantId}`, status],
  );
}

/** Ends what is open: it stands in the way of what comes next. */
export async function settleAll(client: pg.ClientBase, tenantId: string): Promise<void> {
  await client.query(
    `update app_public.billing_requests set status = 'done'
    where tenant_id = $1 and status = 'pending'`,
    [tenantId],
  );
}

/** Alice, in Acme. */
export function ownerOf({ alice, acme }: Cast): Person {
  return { userId: alice, tenantId: acme };
}
