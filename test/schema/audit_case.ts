import type { Severity } from "../../server/isolation_audit.ts";

/**
 * For every rule of the isolation audit: what it must catch, with the object it must name, and what
 * it must let pass. Each is run by a superuser on the migrated database, and taken back.
 */
export type Case = {
  sql: string;
  object: string;
  /** Where a rule tells them apart. */
  severity?: Severity;
  /** What the server would have to be: words of the rule, and what stands in for them. */
  facts?: Readonly<Record<string, string>>;
  /** The version of PostgreSQL that brought what it does. */
  since?: number;
};
export type RuleCases = {
  bad: readonly Case[];
  good: readonly (string | Omit<Case, "object" | "severity">)[];
};

/** A table as a founder adds it, all its parts right. */
export const TABLE = `
  create table app_public.things (
    tenant_id uuid not null default app_private.current_tenant_id(),
    id uuid not null default uuidv7(),
    parent_id uuid,
    user_id uuid,
    name text not null,
    constraint things_pkey primary key (tenant_id, id)
  );
  comment on table app_public.things is 'Things.';
  alter table app_public.things owner to rowhouse_owner;
  alter table app_public.things enable row level security;
  alter table app_public.things force row level security;
  create policy select_tenant on app_public.things
    for select to app_user using (tenant_id = app_private.current_tenant_id());
  grant select, delete, insert (name), update (name) on app_public.things to app_user;
`;
export const THINGS = "app_public.things";
export const POLICY = "p on app_public.things";

export const functionNamed = (name: string, rest: string) =>
  `create function app_private.${name}() returns int ${rest}; ` +
  `revoke all on function app_private.${name}() from public;`;
export const policy = (rest: string) => `${TABLE} create policy p on ${THINGS} ${rest};`;
export const thing = (sql: string) => `${TABLE} ${sql};`;
export const pinned =
  "language sql security definer set search_path = pg_catalog, pg_temp return 1";

/** A schema that a founder adds and lets people into. */
export const REPORTS = "create schema reports; grant usage on schema reports to app_user;";
/** Partitioned, its parts right. */
export const PARTED = `
  create table app_public.parts (tenant_id uuid not null, n int) partition by list (n);
  create table app_private.part_1 partition of app_public.parts for values in (1);
`;
