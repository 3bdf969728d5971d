import type pg from "pg";
import type { Logger } from "pino";
import Stripe from "stripe";

import { repeatedly } from "./repeatedly.ts";

/** How often a worker looks whether it is time to ask; app_private.claim_stripe_probe says when. */
const LOOK_MS = 1_000;

export type StripeProbeOptions = {
  pool: Pick<pg.Pool, "query">;
  /** Past the gate. */
  stripe: Pick<Stripe, "rawRequest">;
  logger: Logger;
};

type Probe = { status_code: number; method: string; path: string };

/** While Stripe work is paused, asks Stripe now and then whether it takes our key again. */
export function startStripeProbe({ pool, stripe, logger }: StripeProbeOptions) {
  return repeatedly({ what: "the probe of Stripe", everyMs: LOOK_MS, logger }, async () => {
    const { rows } = await pool.query<Probe>("select * from app_private.claim_stripe_probe()");
    const [probe] = rows;
    if (probe === undefined || !(await isTaken(stripe, probe))) return;
    await pool.query("select app_private.resume_stripe('a probe')");
    logger.warn("Stripe takes our key again; going on");
  });
}

/**
 * Whether the key is taken now. Where it was refused altogether, any other answer will do. Where it
 * lacked a right, the same is asked again: a read as it was; a write with a parameter that no
 * endpoint knows, so that with the right it is refused for that and without it for want of the
 * right, and nothing is ever done. A deletion is read: if that was allowed all along, the next
 * deletion is refused and pauses again, each time for longer.
 */
async function isTaken(
  stripe: Pick<Stripe, "rawRequest">,
  { status_code: refused, method, path }: Probe,
): Promise<boolean> {
  const status = await statusOf(
    refused === 401
      ? stripe.rawRequest("GET", "/v1/balance")
      : method === "POST"
        ? stripe.rawRequest("POST", path, { rowhouse_probe: "1" })
        : stripe.rawRequest("GET", path),
  );
  const stillRefused = refused === 401 ? [401] : [401, 403];
  return status < 500 && status !== 429 && !stillRefused.includes(status);
}

async function statusOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 200;
  } catch (error) {
    const status = error instanceof Stripe.errors.StripeError ? error.statusCode : undefined;
    // Not reached at all: that says nothing of the key.
    return status ?? 503;
  }
}
