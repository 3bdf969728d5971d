/**
 * A system in which nothing happens by itself: no worker, and tenants that are open by decree. For
 * what is asked of the HTTP process alone, and so that rows can be counted before and after.
 */
import type pg from "pg";

import { signUp } from "./client.ts";
import { test as base, withClient } from "./index.ts";
import { withSystem, type System } from "./system.ts";
import { atStripe, foundTenant, type Member } from "./tenant_life.ts";

/** `admin` is a superuser's connection; `alice` and `mallory` each own an open tenant. */
export const test = base.extend<{
  $file: { system: System; admin: pg.Client; alice: Member; mallory: Member };
}>({
  system: [
    async ({ database }, use) => {
      await withSystem(database, { worker: false }, async (system) => {
        await atStripe(system, "settle", {});
        await use(system);
      });
    },
    { scope: "file" },
  ],
  admin: [
    async ({ database }, use) => {
      await withClient(database.urls.superuser, use);
    },
    { scope: "file" },
  ],
  alice: [
    async ({ system, admin }, use) => {
      await use(await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" }));
    },
    { scope: "file" },
  ],
  mallory: [
    async ({ system, admin }, use) => {
      await use(await foundOpenTenant(system, admin, { name: "Globex", person: "Mallory" }));
    },
    { scope: "file" },
  ],
});

/** A tenant that may read and write although nobody has paid. */
export async function foundOpenTenant(
  system: System,
  admin: pg.ClientBase,
  who: { name: string; person: string },
): Promise<Member> {
  const member = await foundTenant(system, who);
  await admin.query(
    `update app_public.tenants
    set status = 'active', access = 'full', access_reason = 'paid'
    where id = $1`,
    [member.tenantId],
  );
  return member;
}

/** Makes `bob` a member of the tenant, as an owner's invitation would. */
export async function addMember(
  { url }: System,
  admin: pg.ClientBase,
  { tenantId }: Pick<Member, "tenantId">,
): Promise<{ id: string; email: string; session: string }> {
  const bob = await signUp(url, "Bob");
  await admin.query(
    "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'member')",
    [tenantId, bob.id],
  );
  return bob;
}

/** How many rows each table of ours and of the queue has, tables of the founder's own included. */
export async function countRows(admin: pg.ClientBase): Promise<Record<string, number>> {
  const { rows } = await admin.query<{ name: string }>(`
    select pg_class.oid::regclass::text as name
    from pg_catalog.pg_class
    join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname in ('app_public', 'app_private', 'auth', 'graphile_worker')
    and pg_class.relkind = 'r'
    order by 1
  `);
  const counts = rows.map(({ name }) => `select '${name}' as name, count(*)::integer from ${name}`);
  const { rows: counted } = await admin.query<{ name: string; count: number }>(
    counts.join(" union all "),
  );
  return Object.fromEntries(counted.map(({ name, count }) => [name, count]));
}
