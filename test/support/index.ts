/** What every test of ours imports instead of vitest's own `test`. */
import type pg from "pg";
import { test as base } from "vitest";

import { withClient, withDatabase, type TestDatabase } from "./server.ts";

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, vi } from "vitest";
export { asAnonymous, asApiKey, asIdentity, asUser, asWorker } from "./acting.ts";
export { createCast, type Cast } from "./cast.ts";
export { withClient, withDatabase, type TestDatabase } from "./server.ts";
export { waitUntil } from "./wait_until.ts";

/**
 * `database`: one for the file, cloned from the migrated template, with the URLs of every login;
 * for tests that need several connections or a commit.
 * `connection`: a superuser's, kept for the file, because a new one must learn all functions anew.
 * `db`: the same in a transaction of the test's own, rolled back after it; act on it with asUser
 * and its like.
 */
export const test = base.extend<{
  $file: { database: TestDatabase; connection: pg.Client };
  $test: { db: pg.Client };
}>({
  database: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed
    async ({}, use) => {
      await withDatabase("migrated", use);
    },
    { scope: "file" },
  ],
  connection: [
    async ({ database }, use) => {
      await withClient(database.urls.superuser, use);
    },
    { scope: "file" },
  ],
  db: async ({ connection }, use) => {
    await connection.query("begin");
    await use(connection);
    await connection.query("rollback");
  },
});
