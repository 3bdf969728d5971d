/** Pools for withTenant, what is left on their connections, and a wire that can be cut. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

import type pg from "pg";
import { pino } from "pino";
import { expect } from "vitest";

import { makePool } from "../../server/database.ts";
import { withTenant } from "../../server/with_tenant.ts";
import type { Cast } from "./cast.ts";
import type { TestDatabase } from "./server.ts";

const logger = pino({ level: "silent" });

/** Of one connection unless told otherwise, so that the next to ask gets the same one. */
export function poolOf(
  { urls }: Pick<TestDatabase, "urls">,
  { max = 1, pipeline = true }: { max?: number; pipeline?: boolean } = {},
): pg.Pool {
  return makePool({
    connectionString: urls.server,
    applicationName: "test",
    logger,
    pipeline,
    max,
  });
}

/** Mallory at home, next door. */
export function neighbour({ mallory, globex }: Cast): { userId: string; tenantId: string } {
  return { userId: mallory, tenantId: globex };
}

/** The names of the projects that a person sees in their tenant. */
export function namesOf(
  pool: pg.Pool,
  who: { userId: string; tenantId: string },
): Promise<string[]> {
  return withTenant(pool, who, async (client) => {
    const { rows } = await client.query<{ name: string }>("select name from app_public.projects");
    return rows.map(({ name }) => name);
  });
}

/** Which backend the pool's next connection has. */
export async function pidOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

/** That whoever gets a connection of this pool next finds nothing of anybody's on it. */
export async function expectClean(pool: pg.Pool, connections: number): Promise<void> {
  const lent = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
  try {
    for (const client of lent) {
      const { rows } = await client.query(STATE);
      expect(rows).toEqual([CLEAN]);
      await expect(client.query("select from app_public.projects")).rejects.toMatchObject({
        code: "42501",
      });
    }
  } finally {
    for (const client of lent) client.release();
  }
}

const CLEAN = {
  user: "rowhouse_server",
  settings: "",
  cursors: 0,
  statements: 0,
  channels: 0,
  locks: 0,
  search_path: '"$user", public',
  is_alone: true,
};

const STATE = `
  select
    current_user::text as user,
    concat(
      current_setting('app.current_user_id', true), current_setting('app.member_tenant_id', true),
      current_setting('app.current_tenant_id', true), current_setting('app.writable_tenant_id', true),
      current_setting('app.access', true), current_setting('app.permissions', true),
      current_setting('app.strange', true)
    ) as settings,
    (select count(*)::integer from pg_cursors where is_holdable) as cursors,
    (select count(*)::integer from pg_prepared_statements where from_sql) as statements,
    (select count(*)::integer from pg_listening_channels()) as channels,
    (
      select count(*)::integer from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
    ) as locks,
    current_setting('search_path') as search_path,
    now() = statement_timestamp() as is_alone`;

/** A way to a server that can be cut without a word of farewell, and works again afterwards. */
export async function cuttableWire(
  databaseUrl: string,
): Promise<AsyncDisposable & { url: string; cut(): void }> {
  const url = new URL(databaseUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const proxy = createServer((client) => {
    const server = connect(target);
    sockets.add(client).add(server);
    for (const socket of [client, server]) socket.on("error", () => {});
    client.pipe(server).pipe(client);
    client.on("close", () => server.destroy());
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("No port was free");
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  return {
    url: url.href,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
