/** Rules about roles and what they hold. */
import { PARTED, REPORTS, TABLE, thing, THINGS, type RuleCases } from "./audit_case.ts";

export const RIGHTS_CASES: Readonly<Record<string, RuleCases>> = {
  auth_schema: {
    bad: [
      { sql: "grant usage on schema auth to app_user", object: "schema auth" },
      { sql: "grant select on auth.sessions to app_worker", object: "auth.sessions" },
      { sql: "grant select (email) on auth.users to app_user", object: "auth.users" },
      {
        sql: `create function auth.f() returns int language sql return 1;
          grant execute on function auth.f() to app_user`,
        object: "auth.f()",
      },
      { sql: "grant select on auth.jwks to public", object: "auth.jwks" },
      {
        sql: "create policy extra on auth.sessions for select to app_user using (true)",
        object: "extra on auth.sessions",
      },
      {
        sql: "create policy extra on auth.users for select to app_identity, app_worker using (true)",
        object: "extra on auth.users",
      },
      { sql: "create policy extra on auth.jwks using (true)", object: "extra on auth.jwks" },
    ],
    good: [
      "grant select on auth.users to app_identity",
      "create policy extra on auth.users for select to app_identity using (true)",
    ],
  },
  child_privileges: {
    bad: [
      {
        sql: `${PARTED} grant select on app_private.part_1 to app_user`,
        object: "app_private.part_1",
      },
      {
        sql: `${TABLE} create table app_public.special () inherits (${THINGS});
          grant update (name) on app_public.special to app_worker`,
        object: "app_public.special",
      },
    ],
    good: [PARTED, `${PARTED} grant select on app_public.parts to app_user`],
  },
  create_rights: {
    bad: [
      { sql: "grant create on schema app_public to app_user", object: "schema app_public" },
      { sql: "grant create on schema public to public", object: "schema public" },
      {
        sql: "create schema pen; grant create on schema pen to app_worker",
        object: "schema pen",
      },
      {
        sql: "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$",
        object: "database",
      },
      {
        sql: "do $$ begin execute format('grant create on database %I to app_user', current_database()); end $$",
        object: "database",
      },
    ],
    good: ["grant usage on schema public to app_user"],
  },
  dangerous_functions: {
    bad: [
      {
        sql: "grant execute on function pg_catalog.set_config(text, text, boolean) to app_user",
        object: "app_user",
      },
      {
        sql: "grant execute on function pg_catalog.query_to_xml(text, boolean, boolean, text) to public",
        object: "public",
      },
      {
        sql: "grant execute on function pg_catalog.ts_stat(text) to app_worker",
        object: "app_worker",
      },
      {
        sql: "grant execute on function pg_catalog.ts_rewrite(tsquery, text) to public",
        object: "public",
      },
      { sql: "grant execute on function pg_catalog.lo_get(oid) to public", object: "public" },
      {
        sql: "grant execute on function pg_catalog.pg_ls_dir(text) to app_user",
        object: "app_user",
      },
      {
        sql: "create function public.dblink(text) returns int language sql return 1",
        object: "public",
      },
    ],
    good: ["grant execute on function pg_catalog.lower(text) to app_user"],
  },
  default_privileges: {
    bad: [
      {
        sql: "alter default privileges for role rowhouse_owner grant execute on functions to public",
        object: "functions of rowhouse_owner",
      },
      {
        sql: "alter default privileges in schema app_public grant select on tables to app_user",
        object: "tables of postgres",
      },
      {
        sql: "alter default privileges for role rowhouse_migrator grant usage on sequences to app_worker",
        object: "sequences of rowhouse_migrator",
      },
    ],
    good: [
      "alter default privileges in schema app_public revoke execute on functions from public",
      "alter default privileges for role rowhouse_owner grant select on tables to rowhouse_migrator",
    ],
  },
  login_roles: {
    bad: [
      { sql: `grant select on app_public.plans to rowhouse_server`, object: "rowhouse_server" },
      {
        sql: `grant select (key) on app_public.plans to rowhouse_worker`,
        object: "rowhouse_worker",
      },
      { sql: "grant usage on schema app_public to rowhouse_server", object: "rowhouse_server" },
      {
        sql: "grant execute on function app_public.my_tenants() to rowhouse_worker",
        object: "rowhouse_worker",
      },
      {
        sql: "create table public.mine (); alter table public.mine owner to rowhouse_server",
        object: "rowhouse_server",
      },
    ],
    good: ["grant select on app_public.plans to app_user"],
  },
  materialized_view: {
    bad: [
      {
        sql: `create materialized view app_private.m as select 1 as one;
          grant select on app_private.m to app_user`,
        object: "app_private.m",
      },
      {
        sql: `create materialized view app_private.m as select 1 as one;
          grant select (one) on app_private.m to public, app_worker`,
        object: "app_private.m",
      },
      {
        sql: `${REPORTS} create foreign data wrapper w; create server s foreign data wrapper w;
          create foreign table reports.f (n int) server s; grant select on reports.f to app_user`,
        object: "reports.f",
      },
    ],
    good: ["create materialized view app_private.m as select 1 as one"],
  },
  owner: {
    bad: [
      { sql: thing(`alter table ${THINGS} owner to rowhouse_migrator`), object: THINGS },
      {
        sql: "alter function app_private.current_tenant_id() owner to app_definer",
        object: "app_private.current_tenant_id()",
      },
      {
        sql: "alter sequence app_private.stripe_sync_seq owner to rowhouse_migrator",
        object: "app_private.stripe_sync_seq",
      },
      { sql: "alter schema app_public owner to rowhouse_migrator", object: "schema app_public" },
      { sql: "create domain app_public.d as text", object: "app_public.d" },
      {
        sql: `${REPORTS} create table reports.sums (); grant select on reports.sums to app_worker;
          alter table reports.sums owner to app_user`,
        object: "reports.sums",
      },
      {
        sql: `${REPORTS} create table reports.sums (); alter table reports.sums owner to app_user`,
        object: "reports.sums",
      },
      { sql: "create schema reports authorization app_worker", object: "schema reports" },
    ],
    good: [TABLE],
  },
  preset_settings: {
    bad: [
      {
        sql: "alter role rowhouse_server set app.current_tenant_id = 'x'",
        object: "role rowhouse_server",
      },
      {
        sql: "do $$ begin execute format('alter database %I set app.access = ''full''', current_database()); end $$",
        object: "database",
      },
      { sql: "alter role rowhouse_worker set role = 'app_worker'", object: "role rowhouse_worker" },
      { sql: "alter role app_user set row_security = off", object: "role app_user" },
      {
        sql: "alter function app_public.my_tenants() set app.current_user_id = 'x'",
        object: "app_public.my_tenants()",
      },
    ],
    good: ["alter role rowhouse_server set work_mem = '8MB'"],
  },
  privileges: {
    bad: [
      ...["truncate", "references", "trigger", "references (name)", "all"].map((right) => ({
        sql: thing(`grant ${right} on ${THINGS} to app_user`),
        object: "app_public.things for app_user",
      })),
      { sql: thing(`grant select on ${THINGS} to public`), object: "app_public.things for public" },
      {
        sql: thing(`grant select (name) on ${THINGS} to app_worker with grant option`),
        object: "app_public.things for app_worker",
      },
      {
        sql: `${TABLE} create role readers; grant readers to app_user; grant truncate on ${THINGS} to readers`,
        object: "app_public.things for readers",
      },
      {
        sql: `create table public."Odd name" ("Odd column" int);
          grant update ("Odd column") on public."Odd name" to app_user with grant option`,
        object: 'public."Odd name" for app_user',
      },
    ],
    good: [thing(`grant select, insert (name), update (name), delete on ${THINGS} to app_worker`)],
  },
  role_timeouts: {
    bad: [
      { sql: "alter role rowhouse_server reset lock_timeout", object: "rowhouse_server" },
      { sql: "alter role rowhouse_worker set statement_timeout = 0", object: "rowhouse_worker" },
    ],
    good: ["alter role rowhouse_server set statement_timeout = '1h'"],
  },
  roles: {
    bad: [
      { sql: "alter role rowhouse_server bypassrls", object: "rowhouse_server" },
      { sql: "alter role app_user superuser", object: "app_user" },
      { sql: "alter role rowhouse_worker createrole", object: "rowhouse_worker" },
      { sql: "alter role rowhouse_server inherit", object: "rowhouse_server" },
      { sql: "alter role rowhouse_owner login", object: "rowhouse_owner" },
      { sql: "alter role app_definer login", object: "app_definer" },
      { sql: "grant rowhouse_owner to rowhouse_server", object: "rowhouse_server" },
      { sql: "grant app_worker to app_user", object: "app_user" },
      { sql: "grant pg_read_all_data to app_user", object: "app_user" },
      {
        sql: "create role between; grant rowhouse_owner to between; grant between to app_user",
        object: "app_user",
      },
      { sql: "grant app_user to rowhouse_server with admin option", object: "rowhouse_server" },
      {
        sql: "grant app_worker to rowhouse_worker with inherit true",
        object: "rowhouse_worker",
        since: 16,
      },
    ],
    good: ["create role somebody_else superuser"],
  },
  sequence_privileges: {
    bad: [
      {
        sql: "grant select on sequence app_private.stripe_sync_seq to app_user",
        object: "app_private.stripe_sync_seq",
      },
      {
        sql: "create sequence public.seq; grant usage on sequence public.seq to public",
        object: "public.seq",
      },
    ],
    good: ["create sequence app_private.seq"],
  },
  shared_tables: {
    bad: [
      ...["update", "update (access)", "update (plan)", "insert", "delete"].map((right) => ({
        sql: `grant ${right} on app_public.tenants to app_user`,
        object: "app_public.tenants",
      })),
      { sql: "grant insert on app_public.plans to app_anonymous", object: "app_public.plans" },
      {
        sql: "grant update (name) on app_public.users to public",
        object: "app_public.users",
      },
      {
        sql: `create role writers; grant writers to app_user;
          grant delete on app_public.role_permissions to writers`,
        object: "app_public.role_permissions",
      },
      {
        sql: `create view app_private.v with (security_invoker) as select 1 as one;
          grant update (one) on app_private.v to app_user`,
        object: "app_private.v",
      },
      {
        sql: `${REPORTS} create table reports."Odd sums" ("N" int);
          grant insert ("N") on reports."Odd sums" to app_user`,
        object: 'reports."Odd sums"',
      },
    ],
    good: [
      TABLE,
      "grant select on app_public.plans to app_anonymous",
      "grant update on app_public.plans to app_worker",
    ],
  },
};
