/** npm run stripe:sync-catalog: creates the plans' products and prices that Stripe lacks, and copies what it has. */
import type pg from "pg";

import { parseWorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { makeLogger } from "../server/logger.ts";
import { makeStripe } from "../tasks/stripe_client.ts";
import { copyCatalog } from "../tasks/stripe_sync_catalog.ts";
import { argumentsOf, runCommand } from "./operator.ts";
import { syncCatalog } from "./stripe_catalog.ts";

const USAGE = `Usage: npm run stripe:sync-catalog

Creates at Stripe, with the worker's configuration (STRIPE_SECRET_KEY, WORKER_DATABASE_URL), the
products and prices of the plans that it lacks, and copies what it has. Changes nothing that is there:
a price that is archived is named, and left so.

Exits with 0; with 2 when it could not be done.`;

await runCommand("stripe:sync-catalog", async (args) => {
  const options = { help: { type: "boolean", default: false } } as const;
  // A price can't be deleted at Stripe: whoever asks for something else gets nothing made.
  const { values } = argumentsOf(args, options, USAGE, { allowPositionals: false });
  if (values.help) return console.log(USAGE);
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
    const archived = await archivedPrices(pool);
    if (archived.length > 0) console.log(archivedNotice(archived));
  } finally {
    await pool.end();
  }
});

/** Those that nobody can subscribe to, though Stripe has them, as they were just copied. */
async function archivedPrices(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ price: string }>(
    `select format('%s (%s)', lookup_key, stripe_price_id) as price
    from app_public.plan_prices
    where stripe_price_id is not null and not is_active
    order by lookup_key`,
  );
  return rows.map(({ price }) => price);
}

function archivedNotice(prices: readonly string[]): string {
  return `Not sold, as it or its product is archived at Stripe: ${prices.join(", ")}.
To sell it again, unarchive it there, or make a new price that takes over the lookup key
(transfer_lookup_key). Then run this again.`;
}
