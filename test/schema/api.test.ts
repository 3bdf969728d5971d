/** What the outside can reach: the API as printed, and who may call what. */
import { readFile } from "node:fs/promises";

import { pino } from "pino";

import { makePool } from "../../server/database.ts";
import { printApi } from "../../server/print_api.ts";
import { expect, test } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";

const SCHEMA_FILE = new URL("../../server/schema.graphql", import.meta.url);

test("server/schema.graphql is the API of the migrated database: npm run schema writes it", async ({
  database,
}) => {
  const logger = pino({ level: "silent" });
  const pool = makePool({
    connectionString: database.urls.server,
    applicationName: "test-schema",
    role: "rowhouse_server",
    logger,
    pipeline: true,
  });
  try {
    expect(await printApi(pool, logger)).toBe(await readFile(SCHEMA_FILE, "utf8"));
  } finally {
    await pool.end();
  }
});

test("a visitor may call no function and read the catalog of plans only", async ({ db }) => {
  const functions = await rowsOf(
    db,
    `select oid::regprocedure::text as name from pg_proc
    where pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth', 'graphile_worker')
    and has_function_privilege('app_anonymous', oid, 'execute')
    and has_schema_privilege('app_anonymous', pronamespace, 'usage')`,
  );
  expect(functions).toEqual([]);
  const relations = await rowsOf(db, rightsOf("app_anonymous"));
  expect(relations.map(({ right }) => right)).toEqual([
    "app_public.features: select",
    "app_public.plan_features: select",
    "app_public.plan_prices: select",
    "app_public.plans: select",
  ]);
});

test("a signed-in person may call these functions and no others", async ({ db }) => {
  const functions = await rowsOf(
    db,
    `select oid::regprocedure::text as name from pg_proc
    where pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth', 'graphile_worker')
    and has_function_privilege('app_user', oid, 'execute')
    and has_schema_privilege('app_user', pronamespace, 'usage')
    order by name`,
  );
  expect(functions.map(({ name }) => name)).toMatchSnapshot();
});

test("a signed-in person has these rights on relations and no others", async ({ db }) => {
  const rights = await rowsOf(db, rightsOf("app_user"));
  expect(rights.map(({ right }) => right)).toMatchSnapshot();
});

test("no run-time role but the worker's reaches the queue", async ({ db }) => {
  const rows = await rowsOf(
    db,
    `select role from unnest('{app_user,app_anonymous,app_identity,app_searcher,rowhouse_server,rowhouse_worker}'::text[]) as role
    where has_schema_privilege(role, 'graphile_worker', 'usage')`,
  );
  expect(rows).toEqual([]);
});

test("the queue's tables are under policies that let the worker in, the migrations closed", async ({
  db,
}) => {
  const tables = await rowsOf(
    db,
    `select relname as name, relrowsecurity as walled, exists (
      select from pg_policy
      where polrelid = pg_class.oid and polcmd = '*' and 'app_worker'::regrole::oid = any (polroles)
    ) as worked
    from pg_class
    where relnamespace = 'graphile_worker'::regnamespace and relkind in ('r', 'p')
    order by name`,
  );
  expect(tables.length).toBeGreaterThan(3);
  for (const { name, walled, worked } of tables) {
    expect({ name, walled, worked }).toEqual({
      name,
      walled: name !== "migrations",
      worked: name !== "migrations",
    });
  }
});

/** What a role may do with each relation, columns named where the right does not hold for all. */
function rightsOf(role: string): string {
  return `
    with held as (
      select
        pg_class.oid::regclass::text as relation, privilege,
        array_agg(attname order by attnum) filter (
          where has_column_privilege('${role}', pg_class.oid, attnum, privilege)
        ) as columns,
        count(*) as of
      from pg_class
      join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
      cross join unnest('{select,insert,update}'::text[]) as privilege
      where relkind in ('r', 'p', 'v', 'm')
      and relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth', 'graphile_worker')
      group by pg_class.oid, privilege
      union all
      select pg_class.oid::regclass::text, 'delete', '{}', 0
      from pg_class
      where relkind in ('r', 'p', 'v', 'm')
      and relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth', 'graphile_worker')
      and has_table_privilege('${role}', pg_class.oid, 'delete')
    )
    select format('%s: %s%s', relation, privilege,
      case when cardinality(columns) < of then format(' (%s)', array_to_string(columns, ', ')) end
    ) as right
    from held where columns is not null
    order by 1`;
}
