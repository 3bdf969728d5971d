import { test as base } from "./index.ts";
import { createCast, type Cast } from "./cast.ts";
import { withClient } from "./server.ts";

/** `test` with `cast`, the file's people, committed: for tests that need several connections. */
export const test = base.extend<{ $file: { cast: Cast } }>({
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
