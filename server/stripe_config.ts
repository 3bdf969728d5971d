import type { Environment } from "./environment.ts";

/** How to reach and verify Stripe. */
export type StripeConfig = {
  secretKey: string;
  livemode: boolean;
  /** An emulator or a proxy; undefined means Stripe itself. */
  apiBase: URL | undefined;
  /** Lookup key by price id, for prices that are configured by id (STRIPE_…_PRICE_ID). */
  configuredPrices: Readonly<Record<string, string>>;
  /** The account that is ours, where the key opens several; undefined means the key's own. */
  accountId?: string | undefined;
  /** What Stripe allows the account; undefined means what it allows every one of the key's mode. */
  callsPerSecond?: number | undefined;
};

const PLANS = ["starter", "pro", "enterprise"] as const;

/** What the worker is told of Stripe. */
export function stripeConfig(read: Environment): StripeConfig {
  return {
    secretKey: read.secret("STRIPE_SECRET_KEY", { minLength: 9 }),
    livemode: isLivemode(read),
    apiBase: read.optionalUrl("STRIPE_API_BASE"),
    configuredPrices: configuredPrices(read),
    accountId: read.optionalText("STRIPE_ACCOUNT_ID"),
    callsPerSecond:
      read.optionalText("STRIPE_CALLS_PER_SECOND") === undefined
        ? undefined
        : read.integer("STRIPE_CALLS_PER_SECOND", 25, { min: 6, max: 100_000 }),
  };
}

/** Whether the key, and so everything seen with it, is of Stripe's live mode. */
export function isLivemode(read: Environment): boolean {
  return read.text("STRIPE_SECRET_KEY", "sk_test_").includes("_live_");
}

/** The three variables name what a plan costs by the month. */
function configuredPrices(read: Environment): Record<string, string> {
  const prices: Record<string, string> = {};
  for (const plan of PLANS) {
    const id = read.optionalText(`STRIPE_${plan.toUpperCase()}_PRICE_ID`);
    if (id !== undefined) prices[id] = `${plan}_month`;
  }
  return prices;
}
