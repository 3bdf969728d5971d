/** Attacks on the way in: app_private.enter(), what it lets through, and ways around it. */
import { randomUUID } from "node:crypto";

import { keyHash } from "../fixture/key_hash.ts";
import type { ApiKey } from "../fixture/people.ts";
import type { Planting } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";
import type { Actor } from "./actors.ts";
import { literal } from "./owned.ts";
import type { Probe } from "./probe.ts";

/** Entering where one doesn't belong, as the server's login, who alone may enter anybody. */
export function enterProbes({ a, b, stranger, limited, limitedKeys }: Planting): Probe[] {
  const enter = (user: string | null, tenant: string | null, more = "") =>
    `select app_private.enter(${literal(user)}::uuid, ${literal(tenant)}::uuid${more})`;
  const refused = (verb: string, sql: string): Probe => ({ kind: "forbidden", verb, sql });
  const { owner, admin, member, removed } = a.people;
  const { read, write, billing } = a.keys;
  const key = (secret: string) => `, null, '${keyHash(secret)}'`;
  const inTenant = (id: string) =>
    `select 1 where current_setting('app.member_tenant_id', true) = ${literal(id)}`;
  const usable = (setting: string) =>
    `select 1 where current_setting('app.${setting}', true) <> ''`;
  const shut = (verb: string, tenant: string, setting: string): Probe => ({
    kind: "reach",
    command: "r",
    verb,
    sql: `${enter(owner.id, tenant)}; ${usable(setting)}`,
    control: `${enter(owner.id, a.tenantId)}; ${usable(setting)}`,
  });
  const keyed = (verb: string, used: ApiKey, needed: ApiKey, setting: string): Probe => ({
    kind: "reach",
    command: "r",
    verb,
    sql: `${enter(null, null, key(used.secret))}; ${usable(setting)}`,
    control: `${enter(null, null, key(needed.secret))}; ${usable(setting)}`,
  });
  return [
    keyed("write with a key that may read", read, write, "writable_tenant_id"),
    keyed("read with a key for billing", billing, read, "current_tenant_id"),
    keyed("read with a suspended tenant's key", limitedKeys.suspended, write, "current_tenant_id"),
    keyed("write with a read-only tenant's key", limitedKeys.readOnly, write, "writable_tenant_id"),
    ...Object.entries({ owner, admin, member, removed, stranger }).map(([name, { id }]) =>
      refused(`enter B as A's ${name}`, enter(id, b.tenantId)),
    ),
    refused("enter B as nobody", enter(null, b.tenantId)),
    refused("enter B as its removed member", enter(b.people.removed.id, b.tenantId)),
    refused("enter A as its removed member", enter(removed.id, a.tenantId)),
    refused("enter with a key that there is not", enter(null, null, key(randomUUID()))),
    {
      kind: "compare",
      command: "r",
      verb: "enter B or no tenant",
      taken: enter(owner.id, b.tenantId),
      free: enter(owner.id, randomUUID()),
      word: true,
    },
    {
      kind: "reach",
      command: "r",
      verb: "enter B with A's key",
      sql: `${enter(b.people.owner.id, b.tenantId, key(write.secret))}; ${inTenant(b.tenantId)}`,
      control: `${enter(null, null, key(write.secret))}; ${inTenant(a.tenantId)}`,
    },
    shut("read a suspended tenant", limited.suspended, "current_tenant_id"),
    shut("write a suspended tenant", limited.suspended, "writable_tenant_id"),
    shut("write a read-only tenant", limited.readOnly, "writable_tenant_id"),
  ];
}

/** Using permissions that one's role or scope does not have. */
export function permissionProbes(lacking: ReadonlySet<string>): Probe[] {
  return [...lacking].map((permission) => ({
    kind: "reach",
    command: "r",
    verb: `use ${permission}`,
    sql: `select 1 where app_private.has_permission(${literal(permission)})`,
  }));
}

export type Permissions = { all: readonly string[]; of(actor: string): readonly string[] };

/** What a key may do by its scope; a key is no member, so no role says it. */
const SCOPED: Readonly<Record<string, readonly string[]>> = {
  "read key": ["members.read"],
  "write key": ["members.read"],
  "billing key": ["billing.manage"],
};

/** Every permission there is, and what each role has. */
export async function readPermissions(client: Queryable): Promise<Permissions> {
  const { rows } = await client.query<{ role_key: string; permission: string }>(
    "select role_key, permission from app_public.role_permissions order by 1, 2",
  );
  return {
    all: [...new Set(rows.map(({ permission }) => permission))],
    of: (actor) =>
      SCOPED[actor] ??
      rows.filter(({ role_key }) => role_key === actor).map(({ permission }) => permission),
  };
}

/** Getting out of one's role, or past what it is held by. */
export function escapeProbes(
  { b }: Planting,
  actor: Actor,
  roles: readonly string[],
  granted: readonly string[],
): Probe[] {
  const refused = (verb: string, sql: string): Probe => ({ kind: "forbidden", verb, sql });
  const tenant = literal(b.tenantId);
  const setting = `set_config('app.current_tenant_id', ${tenant}, true)`;
  // The login may change settings: it is how the server says who asks.
  const settings = actor.role.startsWith("rowhouse")
    ? []
    : [refused("change the tenant in a query", `select ${setting}`)];
  return [
    ...roles
      .filter((role) => !granted.includes(role))
      .map((role) => refused(`become ${role}`, `set local role ${role}`)),
    ...settings,
    refused(
      "change the tenant in a query within a query",
      `select query_to_xml(${literal(`select ${setting}`)}, true, false, '')`,
    ),
    refused("make a table", "create table app_public.mine ()"),
    refused("make a temporary table", "create temporary table mine ()"),
    refused(
      "make a function",
      "create function app_public.mine() returns int language sql return 1",
    ),
    refused("make a large object", "select lo_from_bytea(0, '')"),
    refused("read a file of the server's", "select pg_read_file('PG_VERSION')"),
    refused("turn row security off", "set local row_security = off; table app_public.tenants"),
    refused("grant oneself a role", `grant app_worker to ${actor.role}`),
  ];
}
