import fc from "fast-check";

import { withTenant, type TenantClient } from "../../server/with_tenant.ts";
import type { Cast } from "../support/cast.ts";
import { test } from "../support/committed.ts";
import { expect, withClient } from "../support/index.ts";
import { expectClean, namesOf, neighbour, poolOf } from "../support/tenant_pool.ts";

type Kit = { cast: Cast; name: string; terminate(pid: number): Promise<unknown> };
type Misdeed = (client: TenantClient, kit: Kit) => Promise<unknown>;

const CONNECTIONS = 2;

/** Statements of one tenant that try to leave something on the connection, or to break it. */
const MISDEEDS: Readonly<Record<string, Misdeed>> = {
  none: async (client) => client.query("select from app_public.projects"),
  write: async (client, { name }) =>
    client.query("insert into app_public.projects (name) values ($1)", [name]),
  throw: async () => Promise.reject(new Error("thrown")),
  division: (client) => client.query("select 1 / 0"),
  swallow: (client) => client.query("select 1 / 0").catch(() => undefined),
  loginForever: (client) => client.query("set role none"),
  userForever: (client) => client.query("set role app_user"),
  visitorForever: (client) => client.query("set role app_anonymous"),
  tenantForever: (client, { cast }) => client.query(`set app.current_tenant_id = '${cast.acme}'`),
  strangeForever: (client) => client.query("set app.strange = 'left behind'"),
  pathForever: (client) => client.query("set search_path = app_public"),
  setConfigForever: async (client, { cast }) => {
    await client.query("set local role none");
    await client.query("select set_config('app.writable_tenant_id', $1, false)", [cast.acme]);
  },
  commit: (client) => client.query("commit"),
  rollback: (client) => client.query("rollback"),
  begin: async (client) => {
    await client.query("commit");
    await client.query("begin");
  },
  savepoint: (client) => client.query("savepoint mine"),
  cursor: (client) => client.query("declare mine cursor for select name from app_public.projects"),
  cursorForever: (client) =>
    client.query("declare mine cursor with hold for select name from app_public.projects"),
  statementForever: (client) =>
    client.query("prepare mine as select name from app_public.projects"),
  listen: (client) => client.query("listen mine"),
  lock: (client) => client.query("select pg_advisory_lock(1)"),
  unawaited: async (client) => {
    void client.query("select pg_sleep(0.01)");
  },
  unawaitedFailure: async (client) => {
    void client.query("select 1 / 0");
  },
  killed: async (client, { terminate }) => {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    await terminate(rows[0]?.pid ?? 0);
  },
};

test.for([true, false])(
  "no sequence of misdeeds leaves anything for the next to find; pipelined: %s",
  async (pipeline, { database, cast }) => {
    const pool = poolOf(database, { max: CONNECTIONS, pipeline });
    await withClient(database.urls.superuser, async (admin) => {
      const terminate = (pid: number) =>
        admin.query("select pg_terminate_backend($1, 5000)", [pid]);
      await withTenant(pool, neighbour(cast), (client) =>
        client.query("insert into app_public.projects (name) values ($1)", [`Wall ${pipeline}`]),
      );
      const sequences = fc.array(
        fc.uniqueArray(fc.constantFrom(...Object.keys(MISDEEDS)), { minLength: 1, maxLength: 3 }),
        { minLength: 1, maxLength: 2 * CONNECTIONS },
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(sequences, async (transactions) => {
          run += 1;
          // At once, so that they share the connections in whatever order comes.
          const done = transactions.map((names, index) => {
            const kit = { cast, terminate, name: `${pipeline} ${run} ${index}` };
            return withTenant(pool, { tenantId: cast.acme, userId: cast.alice }, async (client) => {
              for (const name of names) await MISDEEDS[name]?.(client, kit);
            });
          });
          await Promise.allSettled(done);
          await expectClean(pool, CONNECTIONS);
          const seen = await namesOf(pool, neighbour(cast));
          expect(seen.filter((name) => !name.startsWith("Wall"))).toEqual([]);
        }),
        { numRuns: 45, examples: Object.keys(MISDEEDS).map((name) => [[[name], ["none"]]]) },
      );
    });
    await pool.end();
  },
);
