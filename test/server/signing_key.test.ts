import { pino } from "pino";

import { makeIdentity } from "../../server/auth/identity.ts";
import { ensureSigningKey } from "../../server/auth/signing_key.ts";
import { makePool } from "../../server/database.ts";
import { expect, test, withClient, withDatabase, type TestDatabase } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { withSystem } from "../support/system.ts";

const logger = pino({ level: "silent" });
const config = {
  authSecret: "x".repeat(32),
  publicUrl: "http://127.0.0.1:4000",
  appUrl: "http://127.0.0.1:3000",
  corsOrigins: [],
  isProduction: false,
};

const keysOf = ({ urls }: TestDatabase) =>
  withClient(urls.superuser, (client) => rowsOf(client, "select from auth.jwks"));

/** What a server that starts does about it. */
async function start({ urls }: TestDatabase): Promise<void> {
  const pool = makePool({
    connectionString: urls.server,
    applicationName: "test-signing-key",
    role: "app_identity",
    searchPath: "auth",
    max: 2,
    logger,
  });
  try {
    await ensureSigningKey(makeIdentity({ pool, config, logger }), pool);
  } finally {
    await pool.end();
  }
}

test("servers that start at once on a new database have one signing key", async ({ database }) => {
  await Promise.all(Array.from({ length: 5 }, () => start(database)));
  expect(await keysOf(database)).toHaveLength(1);
  await start(database);
  expect(await keysOf(database)).toHaveLength(1);
});

test("a server has its signing key before anybody asks for a token", async () => {
  await withDatabase("migrated", (database) =>
    withSystem(database, { worker: false }, async () => {
      expect(await keysOf(database)).toHaveLength(1);
    }),
  );
});
