/** Rules about what lies beyond our own schemas: the queue, PostgreSQL's tables, other logins and servers. */
import { pinned, type RuleCases } from "./audit_case.ts";

const JOBS = "graphile_worker._private_jobs";
const FOREIGN =
  "create foreign data wrapper elsewhere; create server far foreign data wrapper elsewhere;";

export const BEYOND_CASES: Readonly<Record<string, RuleCases>> = {
  catalog_rights: {
    bad: [
      { sql: "grant select on pg_catalog.pg_authid to app_user", object: "pg_authid" },
      { sql: "grant select (stavalues1) on pg_statistic to public", object: "pg_statistic" },
      { sql: "grant update on pg_catalog.pg_largeobject to app_worker", object: "pg_largeobject" },
      { sql: "grant select on pg_catalog.pg_shadow to app_definer", object: "pg_shadow" },
      {
        sql: "create role readers; grant readers to app_user; grant select on pg_user_mapping to readers",
        object: "pg_user_mapping",
      },
    ],
    good: [
      "grant select on pg_catalog.pg_authid to rowhouse_migrator",
      "revoke select on pg_catalog.pg_class from public; grant select on pg_catalog.pg_class to public",
    ],
  },
  foreign_servers: {
    bad: [
      {
        sql: `${FOREIGN} grant usage on foreign data wrapper elsewhere to app_user`,
        object: "foreign data wrapper elsewhere",
      },
      {
        sql: `${FOREIGN} grant usage on foreign server far to app_worker with grant option`,
        object: "server far",
      },
      { sql: `${FOREIGN} grant usage on foreign server far to public`, object: "server far" },
      {
        sql: `${FOREIGN} grant usage on foreign data wrapper elsewhere to app_definer;
          alter server far owner to app_definer`,
        object: "server far",
      },
      { sql: `${FOREIGN} create user mapping for app_user server far`, object: "server far" },
      { sql: `${FOREIGN} create user mapping for public server far`, object: "server far" },
    ],
    good: [
      FOREIGN,
      `${FOREIGN} grant usage on foreign server far to rowhouse_migrator;
        create user mapping for rowhouse_migrator server far`,
    ],
  },
  other_logins: {
    bad: [
      { sql: "create role backup login bypassrls", object: "backup" },
      ...["rowhouse_owner", "app_definer", "app_worker", "app_user", "rowhouse_migrator"].map(
        (role) => ({
          sql: `create role analyst login; grant ${role} to analyst`,
          object: "analyst",
        }),
      ),
      {
        sql: `create role between; grant app_worker to between;
          create role analyst login noinherit; grant between to analyst`,
        object: "analyst",
      },
      {
        sql: `create role analyst login; grant select (name) on app_public.projects to analyst;
          alter policy select_tenant on app_public.projects to app_user, analyst`,
        object: "analyst",
      },
      {
        sql: `create role readers; create role analyst login in role readers;
          create materialized view app_private.sums as select * from app_public.projects;
          grant select on app_private.sums to readers`,
        object: "analyst",
      },
      {
        sql: `create role analyst login;
          grant execute on function app_private.enter(uuid, uuid, text, bytea) to analyst`,
        object: "analyst",
      },
    ],
    good: [
      "create role analyst login",
      "create role readers; grant select on app_public.plans to readers",
      `create role analyst login; create schema elsewhere; create table elsewhere.sums ();
        grant select on elsewhere.sums to analyst; grant usage on schema app_public to analyst`,
      "create role analyst login superuser",
      "create role between bypassrls; grant app_worker to between",
    ],
  },
  queue_schema: {
    bad: [
      {
        sql: `alter table ${JOBS} disable row level security`,
        object: JOBS,
      },
      {
        sql: "create table graphile_worker._private_news (payload text)",
        object: "graphile_worker._private_news",
      },
      { sql: `create policy p on ${JOBS} using (true)`, object: `p on ${JOBS}` },
      {
        sql: `create policy p on ${JOBS} for select to app_worker, app_user using (true)`,
        object: `p on ${JOBS}`,
      },
      {
        sql: `create function graphile_worker.f() returns int ${pinned}`,
        object: "graphile_worker.f()",
      },
      {
        sql: `create function graphile_migrate.f() returns int ${pinned}`,
        object: "graphile_migrate.f()",
      },
    ],
    good: [
      `create policy p on ${JOBS} for select to app_definer using (true)`,
      "create function graphile_worker.f() returns int language sql return 1",
    ],
  },
};
