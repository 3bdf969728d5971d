/**
 * What makes the emulator as hostile as production may be, under `/_emulator`.
 *
 * - `POST chaos` `{ "seed"?, "duplicate"?, "reorder"?, "drop"?, "drop_forever"?, "twin"?,
 *   "same_second"?, "delay_ms"? }` does mischief to the webhooks of events from now on; what is not named is off,
 *   and `{}` ends it all. Shares from 0 to 1: of deliveries that are made twice, that go out behind
 *   later ones, and that never arrive; of attempts that are lost, and made again in time; of events
 *   of which there are two, under two ids; of events that bear the `created` of the one before them,
 *   if that is less than a minute old, so that with 1 a burst has one second. Each delivery waits for up to `delay_ms`. The answer has
 *   the seed, also when it was chosen by the emulator: with it the same calls meet the same fates.
 * - `POST rate_limits` `{ "on": true | false, "mode"?: "sandbox" | "live" }` keeps Stripe's limits:
 *   25 calls a second in a sandbox, 100 in live mode, and 25 for each endpoint.
 * - `GET` of either says what is in force.
 */
import { Router } from "express";

import { declarer } from "./control_body.ts";
import type { Engine } from "./engine.ts";
import * as p from "./params.ts";

const limits = p.shape({ on: p.boolean }, { mode: p.oneOf("sandbox", "live") });

/** The endpoints under /_emulator that turn hostility on and off. */
export function hostilityRouter({ chaos, rateLimits, log }: Engine): Router {
  const router = Router();
  const on = declarer(router);
  on("/chaos", (body) => {
    const settings = chaos.set(body);
    log(`Webhooks suffer ${JSON.stringify(settings)}`);
    return settings;
  });
  on("/rate_limits", (body) => {
    const wanted = limits(body, "");
    rateLimits.set(wanted.on ? (wanted.mode ?? "sandbox") : "off");
    return { mode: rateLimits.mode };
  });
  router.get("/chaos", (_request, response) => {
    response.json(chaos.settings());
  });
  router.get("/rate_limits", (_request, response) => {
    response.json({ mode: rateLimits.mode });
  });
  return router;
}
