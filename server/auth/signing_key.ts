import type pg from "pg";

import type { Identity } from "./identity.ts";

/** Ours among the advisory locks of the database. */
const LOCK = "rowhouse: signing key";

/**
 * Has the identity provider make its signing key before anybody asks for a token, and one key however
 * many servers start at once. By itself it makes one for each of the first requests that come together, and
 * a server that had read the keys a moment before would refuse a token signed with the last of them.
 */
export async function ensureSigningKey(
  identity: Pick<Identity, "api">,
  pool: pg.Pool,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [LOCK]);
    await identity.api.getJwks();
  } finally {
    await client.query("rollback").catch(() => undefined);
    client.release();
  }
}
