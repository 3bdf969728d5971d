/** What each role can't do, whatever SQL it is made to run. */
import { asAnonymous, asUser, asWorker, createCast, expect, test } from "../support/index.ts";
import { withClient } from "../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../support/query.ts";
import { withBootstrappedDatabase } from "../support/schema.ts";

const FORBIDDEN = [
  "select app_private.enter(gen_random_uuid(), null)",
  "select set_config('app.current_tenant_id', gen_random_uuid()::text, true)",
  "select query_to_xml('select 1', true, true, '')",
  "select table_to_xml('app_public.plans', true, true, '')",
  "select ts_stat('select to_tsvector(name) from app_public.tenants')",
  "select ts_rewrite('a', 'select ''a''::tsquery, ''b''::tsquery')",
  "select lo_create(0)",
  "select lo_from_bytea(0, '')",
  "create table app_public.mine (id int)",
  "create table public.mine (id int)",
  "create schema mine",
];

test.for(FORBIDDEN)("nobody at run time may: %s", async (sql, { db }) => {
  const { alice, acme } = await createCast(db);
  const actors = {
    user: () => asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql)),
    visitor: () => asAnonymous(db, () => db.query(sql)),
    task: () => asWorker(db, () => db.query(sql)),
  };
  for (const [name, act] of Object.entries(actors)) {
    expect(await codeOf(act()), name).toBe("42501");
  }
});

test.for(["rowhouse_owner", "rowhouse_migrator", "app_worker", "app_definer", "app_searcher"])(
  "a signed-in person's statement can't become %s",
  async (role, { db }) => {
    const { alice } = await createCast(db);
    const become = asUser(db, { userId: alice }, () => db.query(`set local role ${role}`));
    expect(await codeOf(become)).toBe("42501");
  },
);

test.for(["rowhouse_owner", "rowhouse_migrator", "app_user", "app_identity", "app_definer"])(
  "a task's statement can't become %s",
  async (role, { db }) => {
    const become = asWorker(db, () => db.query(`set local role ${role}`));
    expect(await codeOf(become)).toBe("42501");
  },
);

test.for(["server", "worker"] as const)(
  "the login of the %s by itself can read no table at all",
  async (login, { database, db }) => {
    const tables = await rowsOf<{ name: string }>(
      db,
      `select oid::regclass::text as name from pg_class
      where relkind in ('r', 'p', 'v', 'm', 'S')
      and relnamespace::regnamespace::text in
        ('app_public', 'app_private', 'auth', 'graphile_worker', 'public')`,
    );
    expect(tables.length).toBeGreaterThan(25);
    await withClient(database.urls[login], async (client) => {
      for (const { name } of tables) {
        expect(await codeOf(client.query(`select * from ${name} limit 1`)), name).toBe("42501");
      }
    });
  },
);

// Rights on a database are not cloned with it, so this looks at one that was set up by itself.
test("no role but the deploy job's may make tables of its own, not even temporary ones", async () => {
  await withBootstrappedDatabase(async ({ urls }) => {
    await withClient(urls.superuser, async (client) => {
      const may = await rowOf(
        client,
        `select array_agg(rolname order by rolname)::text as roles from pg_roles
        where not rolsuper and rolname ~ '^(rowhouse|app)_' and (
          has_database_privilege(rolname, current_database(), 'create')
          or has_database_privilege(rolname, current_database(), 'temporary')
        )`,
      );
      expect(may).toEqual({ roles: "{rowhouse_migrator,rowhouse_owner}" });
    });
  });
});

test("a client that hangs is cut off: no statement, lock or transaction waits for ever", async ({
  database,
}) => {
  const timeouts = (url: string) =>
    withClient(url, (client) =>
      rowsOf(
        client,
        `select current_setting('statement_timeout') as statement,
          current_setting('lock_timeout') as lock,
          current_setting('idle_in_transaction_session_timeout') as idle`,
      ),
    );
  expect(await timeouts(database.urls.server)).toEqual([
    { statement: "15s", lock: "3s", idle: "10s" },
  ]);
  expect(await timeouts(database.urls.worker)).toEqual([
    { statement: "1min", lock: "10s", idle: "1min" },
  ]);
});

test("only the migrator passes by row-level security, and no role of ours is a superuser", async ({
  db,
}) => {
  const roles = await rowsOf(
    db,
    `select rolname, rolsuper, rolinherit from pg_roles
    where rolname ~ '^(rowhouse|app)_' and (rolbypassrls or rolsuper or rolinherit)`,
  );
  expect(roles).toEqual([{ rolname: "rowhouse_migrator", rolsuper: false, rolinherit: true }]);
});
