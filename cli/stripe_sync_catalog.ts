/** npm run stripe:sync-catalog: creates the plans' products and prices that Stripe lacks. */
import { parseWorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { makeLogger } from "../server/logger.ts";
import { causeOf } from "../server/process.ts";
import { makeStripe } from "../tasks/stripe_client.ts";
import { syncCatalog } from "./stripe_catalog.ts";

try {
  const config = parseWorkerConfig(process.env);
  const pool = makePool({
    connectionString: config.databaseUrl,
    applicationName: "rowhouse-sync-catalog",
    role: "app_worker",
    logger: makeLogger(config.logLevel, "rowhouse-sync-catalog"),
    max: 1,
  });
  try {
    const created = await syncCatalog(pool, makeStripe(config.stripe));
    console.log(
      created.length === 0 ? "Stripe has every price." : `Created ${created.join(", ")}.`,
    );
  } finally {
    await pool.end();
  }
} catch (error) {
  console.error(`stripe:sync-catalog: ${causeOf(error)}`);
  process.exitCode = 1;
}
