/** Rules about the server and the database as a whole. */
import { TABLE, thing, THINGS, type RuleCases } from "./audit_case.ts";

const version = (number: string) => ({
  "current_setting('server_version_num')": `'${number}'`,
  "current_setting('server_version')": "'pretended'",
});
/** A slot can be made only where the server was started for it; the catalog stands in. */
const SLOTS = {
  "pg_catalog.pg_replication_slots":
    "(select 'cdc' as slot_name, 'logical' as slot_type, current_database() as database) as pg_replication_slots",
};

export const SERVER_CASES: Readonly<Record<string, RuleCases>> = {
  event_triggers: {
    bad: [
      {
        sql: `create function public.e() returns event_trigger language plpgsql as 'begin end';
          create event trigger e on ddl_command_end execute function public.e()`,
        object: "e",
      },
    ],
    good: [""],
  },
  extensions: {
    bad: [{ sql: "create extension pgcrypto", object: "pgcrypto" }],
    good: [""],
  },
  large_objects: {
    bad: [{ sql: "select lo_create(0)", object: "large objects of postgres" }],
    good: [""],
  },
  replication: {
    bad: [
      { sql: "create publication all_of_it for all tables", object: "publication all_of_it" },
      { sql: "create publication one for table app_public.tenants", object: "publication one" },
      {
        sql: `create subscription s connection 'host=nowhere' publication p
          with (connect = false, slot_name = none)`,
        object: "subscription s",
      },
      { sql: "", object: "slot cdc", facts: SLOTS },
    ],
    good: [""],
  },
  server_version: {
    bad: ["180004", "170010", "160014", "150018", "140020"].map((number) => ({
      sql: "",
      object: "PostgreSQL pretended",
      facts: version(number),
    })),
    good: ["180006", "190001", "150019"].map((number) => ({ sql: "", facts: version(number) })),
  },
  whole_tables: {
    bad: [
      { sql: "alter role rowhouse_server reset enable_seqscan", object: "rowhouse_server" },
      { sql: "alter role rowhouse_server set enable_seqscan = on", object: "rowhouse_server" },
      { sql: "alter role rowhouse_server reset enable_tidscan", object: "rowhouse_server" },
      {
        sql: `do $$ begin execute format(
          'alter role rowhouse_server in database %I set enable_tidscan = on', current_database()
        ); end $$`,
        object: "rowhouse_server",
      },
      { sql: thing(`alter table ${THINGS} drop constraint things_pkey`), object: THINGS },
      {
        sql: thing(`alter table ${THINGS} drop constraint things_pkey;
          create index i on ${THINGS} (tenant_id) where name <> '';
          create index j on ${THINGS} (id) include (tenant_id)`),
        object: THINGS,
      },
    ],
    good: [
      "alter role rowhouse_worker set enable_seqscan = on",
      TABLE,
      thing(`alter table ${THINGS} drop constraint things_pkey;
        create index i on ${THINGS} (parent_id, tenant_id)`),
    ],
  },
  unaudited_schema: {
    bad: [
      { sql: "grant usage on schema graphile_worker to app_user", object: "graphile_worker" },
      { sql: "grant usage on schema graphile_migrate to public", object: "graphile_migrate" },
      { sql: "grant create on schema graphile_worker to app_searcher", object: "graphile_worker" },
      ...["delete", "update (id)"].map((right) => ({
        sql: `grant ${right} on graphile_worker.migrations to app_worker`,
        object: "graphile_worker.migrations",
      })),
      {
        sql: "grant insert on graphile_migrate.migrations to public",
        object: "graphile_migrate.migrations",
      },
    ],
    good: [
      "grant select on graphile_worker._private_jobs to app_user",
      "grant select on graphile_worker.migrations to app_definer",
    ],
  },
};
