/** npm run stripe:sync-catalog: creates the plans' products and prices that Stripe lacks, and copies what it has. */
import { parseWorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { makeLogger } from "../server/logger.ts";
import { causeOf } from "../server/process.ts";
import { makeStripe } from "../tasks/stripe_client.ts";
import { copyCatalog } from "../tasks/stripe_sync_catalog.ts";
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
    const stripe = makeStripe(config.stripe);
    const { configuredPrices } = config.stripe;
    const created = await syncCatalog(pool, stripe, configuredPrices);
    await copyCatalog(pool.query.bind(pool), { stripe, configuredPrices });
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
