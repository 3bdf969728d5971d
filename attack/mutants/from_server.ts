/** Faults of the whole server: roles, and what Postgres lets everyone do unless it is told not to. */
import type { Queryable } from "../fixture/tables.ts";
import type { Mutant } from "./mutant.ts";

const ROLES = ["rowhouse_server", "rowhouse_worker", "app_user", "app_anonymous", "app_definer"];
const ATTRIBUTES = ["bypassrls", "superuser", "createrole", "createdb", "replication", "inherit"];
const MEMBERSHIPS: readonly [role: string, to: string][] = [
  ["rowhouse_owner", "rowhouse_server"],
  ["rowhouse_owner", "app_user"],
  ["rowhouse_migrator", "rowhouse_server"],
  ["app_worker", "rowhouse_server"],
  ["app_worker", "app_user"],
  ["app_definer", "app_user"],
  ["app_definer", "rowhouse_server"],
  ["app_identity", "app_user"],
  ["app_user", "app_anonymous"],
  ["app_user", "rowhouse_worker"],
  ["pg_read_all_data", "app_user"],
  ["pg_write_all_data", "rowhouse_server"],
];

/** Functions that let a statement change its own tenant, or that know no policies. */
const FUNCTIONS = `
  select pg_proc.oid::regprocedure::text as signature
  from pg_proc
  where pronamespace = 'pg_catalog'::regnamespace
  and proname in ('set_config', 'query_to_xml', 'lo_from_bytea', 'ts_stat')
  order by 1`;

/** What lies beyond our own schemas. */
const BEYOND: readonly [object: string, change: string, sql: string][] = [
  ["pg_authid", "read by app_user", "grant select on pg_catalog.pg_authid to app_user"],
  [
    "graphile_worker._private_jobs",
    "without row-level security",
    "alter table graphile_worker._private_jobs disable row level security",
  ],
  [
    "graphile_worker._private_jobs",
    "policy for everyone",
    "create policy extra on graphile_worker._private_jobs using (true)",
  ],
];

/** Every such fault. */
export async function fromServer(client: Queryable): Promise<Mutant[]> {
  const { rows } = await client.query<{ signature: string }>(FUNCTIONS);
  return [
    ...ROLES.flatMap((role) =>
      ATTRIBUTES.map((attribute) => ({
        kind: "role",
        object: role,
        change: attribute,
        sql: `alter role ${role} ${attribute}`,
        everywhere: true,
      })),
    ),
    ...MEMBERSHIPS.map(([role, to]) => ({
      kind: "role",
      object: to,
      change: `member of ${role}`,
      sql: `grant ${role} to ${to}`,
      everywhere: true,
    })),
    ...[
      { scan: "seqscan", change: "reads whole tables" },
      { scan: "tidscan", change: "reads rows by where they lie" },
    ].map(({ scan, change }) => ({
      kind: "role",
      object: "rowhouse_server",
      change,
      sql: `alter role rowhouse_server reset enable_${scan}`,
      everywhere: true,
    })),
    ...rows.map(({ signature }) => ({
      kind: "server",
      object: signature,
      change: "executed by public",
      sql: `grant execute on function pg_catalog.${signature} to public`,
      everywhere: false,
    })),
    ...["temporary", "create"].map((right) => ({
      kind: "server",
      object: "database",
      change: `${right} for public`,
      sql: `do $$ begin execute format('grant ${right} on database %I to public', current_database()); end $$`,
      everywhere: false,
    })),
    ...BEYOND.map(([object, change, sql]) => ({
      kind: "server",
      object,
      change,
      sql,
      everywhere: false,
    })),
    {
      kind: "server",
      object: "default privileges",
      change: "execute for public",
      sql: "alter default privileges for role rowhouse_owner grant execute on functions to public",
      everywhere: false,
    },
  ];
}
