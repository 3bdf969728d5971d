import qs from "qs";
import type { Stripe } from "stripe";
import { expect, inject, test } from "vitest";

import type { Exchange } from "../../dev/stripe/observer.ts";
import { endpointKey, openContract } from "../support/stripe_contract/contract.ts";
import { CALLS, makeWorld } from "./stripe_calls.ts";
import { startEmulated } from "./stripe_support.ts";

const STRANGE = "a_word_that_stripe_does_not_know";
/** The emulator has no list of the events that Stripe sends; what our tests ask for is checked. */
const ANY_WORD = "enabled_events[0]";

/** The SDK's types let any word through, so that they hold neither us nor the emulator to Stripe's. */
test("where Stripe takes one of a few words, the emulator refuses any other by its name", async () => {
  const contract = openContract(inject("stripeContract").schemas);
  let last: Exchange | undefined;
  const answered = (exchange: Exchange) => {
    last = exchange;
  };
  await using emulated = await startEmulated({
    observer: { answered, published: () => undefined },
  });
  const world = await makeWorld(emulated);
  let url = "";
  emulated.stripe.on("request", ({ path }: Stripe.RequestEvent) => {
    url = `${emulated.url}${path.split("?")[0]}`;
  });

  // Each good call again, with the strange word in one place after the other.
  let probes = 0;
  const notRefused: string[] = [];
  for (const call of Object.values(CALLS)) {
    await call(world);
    if (last === undefined) throw new Error("nothing was answered");
    const { route, params } = last;
    for (const place of contract.closedSets(endpointKey(route.method, route.path))) {
      const name = parameterName(place);
      const answer = await send(url, route.method, withStrange(params, place));
      probes += 1;
      if (!isRefusalOf(name, answer) && name !== ANY_WORD) {
        notRefused.push(`${route.method} ${route.path} ${name}`);
      }
    }
  }
  expect(notRefused).toEqual([]);
  expect(probes).toBeGreaterThan(200);
});

/**
 * Refused as a whole, it is refused too: the emulator does not have every parameter. And what stands
 * alone in a hash is first told what else has to be there.
 */
function isRefusalOf(name: string, { status, body }: Awaited<ReturnType<typeof send>>): boolean {
  const { param = "nothing", code } = body.error ?? {};
  const place = code === "parameter_missing" ? param.replace(/\[\w+\]$/, "[") : param;
  return status === 400 && name.startsWith(place);
}

/** The parameters with the strange word at one place. */
function withStrange(params: unknown, [step, ...rest]: string[]): unknown {
  if (step === undefined) return STRANGE;
  const holder = typeof params === "object" && params !== null ? params : {};
  const below = (holder as Record<string, unknown>)[step];
  return { ...holder, [step]: withStrange(below, rest) };
}

function parameterName([first = "", ...rest]: string[]): string {
  return first + rest.map((step) => `[${step}]`).join("");
}

async function send(url: string, method: string, params: unknown) {
  const form = qs.stringify(params);
  const headers = {
    Authorization: "Bearer sk_test_x",
    "Content-Type": "application/x-www-form-urlencoded",
  };
  const isGet = method === "GET";
  const response = await fetch(isGet ? `${url}?${form}` : url, {
    method,
    headers,
    ...(isGet ? {} : { body: form }),
  });
  const body = (await response.json()) as { error?: { param?: string; code?: string } };
  return { status: response.status, body };
}
