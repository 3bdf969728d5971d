import type pg from "pg";

import { test as base } from "./index.ts";
import { createCast, type Cast } from "./cast.ts";
import { withClient } from "./server.ts";

/**
 * `test` with `cast`, the file's people, committed: for tests that need several connections; and
 * `admin`, a superuser's connection.
 */
export const test = base.extend<{ $file: { cast: Cast; admin: pg.Client } }>({
  admin: [
    async ({ database }, use) => {
      await withClient(database.urls.superuser, use);
    },
    { scope: "file" },
  ],
  cast: [
    async ({ database }, use) => {
      const cast = await withClient(database.urls.superuser, async (client) => {
        await client.query("begin");
        const made = await createCast(client);
        await client.query("commit");
        return made;
      });
      await use(cast);
    },
    { scope: "file" },
  ],
});
