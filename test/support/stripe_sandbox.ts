/** A real Stripe sandbox, as a place to play scenarios in. */
import { setTimeout as pause } from "node:timers/promises";

import { Stripe } from "stripe";

import type { Target } from "../dev/stripe_scenarios/bench.ts";

/** A sandbox answers 25 calls a second; somebody else may use it, too. */
const APART_MS = 1000 / 15;
const PATIENCE = 5;

/** The key of a sandbox, if there is one; any other key is refused, and not shown. */
export function sandboxKey(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const key = env["STRIPE_TEST_SECRET_KEY"];
  if (key === undefined || key === "") return undefined;
  if (/^(sk|rk)_test_/.test(key)) return key;
  throw new Error(
    "STRIPE_TEST_SECRET_KEY must begin with sk_test_ or rk_test_: the scenarios make and delete customers",
  );
}

/** The sandbox of this key. */
export function sandbox(key: string): Target {
  const httpClient = Stripe.createFetchHttpClient(paced(fetch));
  const withKey = (other: string) =>
    new Stripe(other, { telemetry: false, maxNetworkRetries: 2, httpClient });
  return { stripe: withKey(key), withKey, pauseMs: 2_000, deadlineMs: 180_000 };
}

/** `send`, with calls some time apart, and made again when there were too many. */
export function paced(send: typeof fetch, apartMs = APART_MS): typeof fetch {
  let free = Promise.resolve();

  async function turn(): Promise<void> {
    const mine = free;
    free = mine.then(() => pause(apartMs));
    await mine;
  }

  return async (input, init) => {
    for (let attempt = 1; ; attempt += 1) {
      await turn();
      const response = await send(input, init);
      if (response.status !== 429 || attempt === PATIENCE) return response;
      await pause(attempt * apartMs * 10);
    }
  };
}
