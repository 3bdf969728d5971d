import { join } from "node:path";

import { syncCatalog } from "../cli/stripe_catalog.ts";
import { makePool } from "../server/database.ts";
import { makeLogger } from "../server/logger.ts";
import { makeStripe } from "../tasks/stripe_client.ts";
import { explainedStart } from "./emulator_start.ts";
import { startStripeEmulator, type StripeEmulator } from "./stripe/emulator.ts";

export type StandInOptions = {
  port: number;
  /** Mischief done to webhooks: STRIPE_EMULATOR_CHAOS. */
  chaos: Readonly<Record<string, string>>;
  /** Calls that are to fail: STRIPE_EMULATOR_FAULTS. */
  faults: readonly Readonly<Record<string, string>>[];
  log: (line: string) => void;
  home: string;
  webhookUrl: string;
  webhookSecret: string;
};

export type StandIn = StripeEmulator & {
  /** Creates the plans' prices, read as the worker, unless an earlier start did. */
  fillCatalog(databaseUrl: string, log: (line: string) => void): Promise<void>;
};

/** What the emulator is called with: it takes any key of Stripe's test form. */
export const EMULATOR_KEY = "sk_test_emulator";

/** The Stripe emulator for `npm start`. */
export async function startEmulator(options: StandInOptions): Promise<StandIn> {
  const { port, chaos, faults, home, webhookUrl, webhookSecret } = options;
  const emulator = await startStripeEmulator({
    port,
    chaos,
    faults,
    log: options.log,
    stateFile: join(home, "stripe.json"),
    webhook: { url: webhookUrl, secret: webhookSecret },
  }).catch((error: unknown) => {
    throw explainedStart(error, port);
  });
  return {
    ...emulator,
    fillCatalog: (databaseUrl, log) => fillCatalog(emulator.url, databaseUrl, log),
  };
}

async function fillCatalog(
  emulatorUrl: string,
  databaseUrl: string,
  log: (line: string) => void,
): Promise<void> {
  const pool = makePool({
    connectionString: databaseUrl,
    applicationName: "rowhouse-start",
    role: "app_worker",
    logger: makeLogger("warn", "rowhouse-start"),
    max: 1,
  });
  try {
    const stripe = makeStripe({ secretKey: EMULATOR_KEY, apiBase: new URL(emulatorUrl) });
    const created = await syncCatalog(pool, stripe);
    if (created.length > 0) log(`Created the prices ${created.join(", ")}`);
  } finally {
    await pool.end();
  }
}
