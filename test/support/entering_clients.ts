/** The API's way to the database, on a pool whose one connection the next to ask gets as well. */
import type pg from "pg";
import { pino } from "pino";

import { makePool } from "../../server/database.ts";
import { makeRowhousePgService } from "../../server/pg_service.ts";
import { test as base } from "./committed.ts";

const logger = pino({ level: "silent" });

/** `pool` has one connection, so that the next to ask gets the same one. */
export const test = base.extend<{ $test: { pool: pg.Pool } }>({
  pool: async ({ database }, use) => {
    const pool = oneConnection(database.urls.server);
    await use(pool);
    await pool.end();
  },
});

export const STATE = `
  select
    pg_backend_pid() as pid,
    current_user::text as user,
    coalesce(current_setting('app.current_user_id', true), '') as user_id,
    coalesce(current_setting('app.current_tenant_id', true), '') as tenant_id,
    coalesce(current_setting('app.writable_tenant_id', true), '') as writable_tenant_id,
    coalesce(current_setting('app.permissions', true), '') as permissions`;

type State = { pid: number; user: string };

export async function stateOf(pool: pg.Pool): Promise<State> {
  const { rows } = await pool.query<State>(STATE);
  const [state] = rows;
  if (state === undefined) throw new Error("No row came back");
  return state;
}

export function oneConnection(connectionString: string): pg.Pool {
  return makePool({ connectionString, applicationName: "test", logger, pipeline: true, max: 1 });
}

export function settingsOf(userId: string, tenantId: string) {
  return {
    role: "app_user",
    "app.current_user_id": userId,
    "app.current_tenant_id": tenantId,
  };
}

/** What PostGraphile is given to reach the database by. */
export function clientsOf(service: GraphileConfig.PgServiceConfiguration, pool: pg.Pool) {
  return service.adaptor.createWithPgClient({ pool }) as Exclude<
    ReturnType<typeof service.adaptor.createWithPgClient>,
    PromiseLike<unknown>
  >;
}

/** A request of a person in a tenant. */
export function request(pool: pg.Pool, userId: string, tenantId: string) {
  const lend = clientsOf(makeRowhousePgService(pool), pool);
  return <T>(work: Parameters<typeof lend<T>>[1]) => lend(settingsOf(userId, tenantId), work);
}
