import { pino } from "pino";

import { makeIdentity } from "../../server/auth/identity.ts";
import { ensureSigningKey } from "../../server/auth/signing_key.ts";
import { makePool } from "../../server/database.ts";
import { accessToken, graphql, signUp } from "../support/client.ts";
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
  withClient(urls.superuser, (client) =>
    rowsOf<{ id: string }>(client, "select id from auth.jwks"),
  );

/** What a server that starts does about it. */
async function start({ urls }: TestDatabase, authSecret = config.authSecret): Promise<void> {
  const pool = makePool({
    connectionString: urls.server,
    applicationName: "test-signing-key",
    role: "app_identity",
    searchPath: "auth",
    max: 2,
    logger,
  });
  try {
    const identity = makeIdentity({ pool, config: { ...config, authSecret }, logger });
    await ensureSigningKey(identity, pool, logger);
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

test("with another AUTH_SECRET it has another key, once, and whoever signs in has tokens", async () => {
  await withDatabase("migrated", async (database) => {
    await withSystem(database, { worker: false }, (system) => signUp(system.url, "Alice"));
    const old = await keysOf(database);
    const authSecret = "y".repeat(32);
    await Promise.all([start(database, authSecret), start(database, authSecret)]);
    const keys = await keysOf(database);
    expect(keys).toHaveLength(1);
    expect(keys).not.toEqual(old);
    await withSystem(database, { worker: false, config: { authSecret } }, async ({ url }) => {
      const token = await accessToken(url, await signUp(url, "Bob"));
      const { errors } = await graphql(url, token, "{ currentUser { name } }");
      expect(errors).toEqual([]);
    });
    expect(await keysOf(database)).toEqual(keys);
  });
});
