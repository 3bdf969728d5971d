/**
 * npm run schema: writes server/schema.graphql, the API as frontend developers see it, from the
 * embedded database. Its diff is the API's review.
 */
import { writeFile } from "node:fs/promises";

import { DATABASE_NAME, urlFor } from "../dev/bootstrap.ts";
import { openTarget } from "../dev/migrations_target.ts";
import { makePool } from "../server/database.ts";
import { makeLogger } from "../server/logger.ts";
import { printApi } from "../server/print_api.ts";
import { causeOf } from "../server/process.ts";
import { migrate } from "./migrate.ts";

const FILE = new URL("../server/schema.graphql", import.meta.url);

try {
  await using target = await openTarget({ ...process.env, MIGRATION_DATABASE_URL: undefined });
  await migrate({ databaseUrl: target.databaseUrl, current: true });
  // Whoever looks sees what they may use: the API is what the server's login can become.
  const logger = makeLogger("silent", "rowhouse-schema");
  const pool = makePool({
    connectionString: urlFor(target.rootUrl, DATABASE_NAME),
    applicationName: "rowhouse-schema",
    role: "rowhouse_server",
    logger,
    pipeline: true,
  });
  try {
    await writeFile(FILE, await printApi(pool, logger));
    console.log("Wrote server/schema.graphql");
  } finally {
    await pool.end();
  }
} catch (error) {
  console.error(`schema: ${causeOf(error)}`);
  process.exitCode = 1;
}
