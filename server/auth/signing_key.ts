import type pg from "pg";
import type { Logger } from "pino";

import type { Identity } from "./identity.ts";

/** Ours among the advisory locks of the database. */
const LOCK = "rowhouse: signing key";

/**
 * Has the identity provider make its signing key before anybody asks for a token, and one key however
 * many servers start at once. By itself it makes one for each of the first requests that come together, and
 * a server that had read the keys a moment before would refuse a token signed with the last of them.
 *
 * Where AUTH_SECRET is another than the key was encrypted with, another key is made: with that one
 * no token could ever be signed again. It is not kept to verify with, since whoever has the old secret
 * may have the key.
 */
export async function ensureSigningKey(
  identity: Pick<Identity, "api">,
  pool: pg.Pool,
  logger: Pick<Logger, "warn">,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [LOCK]);
    if (await canSign(identity)) return;
    await pool.query("delete from auth.jwks");
    await sign(identity);
    logger.warn("AUTH_SECRET has changed: access tokens are signed with a new key from now on");
  } finally {
    await client.query("rollback").catch(() => undefined);
    client.release();
  }
}

/** Makes a key where there is none that is good. */
function sign({ api }: Pick<Identity, "api">): Promise<unknown> {
  return api.signJWT({ body: { payload: {} } });
}

async function canSign(identity: Pick<Identity, "api">): Promise<boolean> {
  try {
    await sign(identity);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Failed to decrypt private key")) {
      return false;
    }
    throw error;
  }
}
