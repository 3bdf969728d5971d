/**
 * A tenant's transaction for TypeScript of your own: an endpoint beside GraphQL, an import, a script.
 *
 *   const count = await withTenant(pool, { tenantId, userId }, async (client) => {
 *     await client.query("insert into app_public.projects (name) values ($1)", [name]);
 *     const { rows } = await client.query("select count(*) as count from app_public.projects");
 *     return rows[0];
 *   });
 *
 * The pool is one of server/database.ts that logs in as rowhouse_server; with `pipeline: true` the
 * way in costs one round trip and the way out one. Everything the work does is under the tenant's
 * policies, and is kept or undone as a whole.
 */
import type pg from "pg";

import { TenantTransaction, type TenantClient } from "./tenant_transaction.ts";

export type { TenantClient } from "./tenant_transaction.ts";

export type TenantOptions = {
  tenantId: string;
  /** Who acts; must be a member of the tenant now, or the call rejects with TNFND. */
  userId: string;
  /** How long the work may take, from the moment it has a connection. */
  timeoutMs?: number;
};

/** As long as the server's login may take for a statement. */
const TIMEOUT_MS = 15_000;

/**
 * Runs `work` as a member of a tenant, in one transaction: commits when it resolves, rolls back when
 * it throws. The connection goes back to the pool only if it is seen to have no role, no tenant and
 * nothing else of this transaction's on it; otherwise it is closed.
 */
export async function withTenant<T>(
  pool: Pick<pg.Pool, "connect">,
  { tenantId, userId, timeoutMs = TIMEOUT_MS }: TenantOptions,
  work: (client: TenantClient) => Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  // Whoever's pool it is: a lost connection that nobody listens to would end the process.
  const ignore = () => {};
  connection.on("error", ignore);
  const transaction = new TenantTransaction(connection);
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.reject(new Error(`The tenant's transaction took longer than ${timeoutMs} ms`));
  }, timeoutMs);

  let isClean = false;
  try {
    const done = transaction.run({ tenantId, userId, timeoutMs }, work);
    const result = await Promise.race([done, deadline.promise]);
    isClean = transaction.isClean;
    return result;
  } catch (error) {
    isClean = transaction.isClean;
    throw error;
  } finally {
    clearTimeout(timer);
    transaction.close();
    connection.off("error", ignore);
    if (isClean) connection.release();
    else destroy(connection);
  }
}

/** Closed at once: a pipelined connection would first wait for whatever it was asked. */
function destroy(connection: pg.PoolClient): void {
  connection.connection.stream.destroy();
  connection.release(true);
}
