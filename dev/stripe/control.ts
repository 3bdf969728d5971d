/**
 * What a test or a developer tells the emulator itself, under `/_emulator`. JSON or form bodies;
 * no key. README.md beside this file shows each with curl.
 *
 * - `POST subscriptions/:id/renew` `{ "outcome"?: "pay" | "fail" }` ends the current period now,
 *   invoices the next one and charges the default card; `outcome` dictates how that ends.
 * - `POST payment_intents/:id/authenticate` `{ "outcome"?: "pay" | "fail" }` answers the bank's
 *   question for a payment in `requires_action`.
 * - `POST setup_intents/:id/authenticate` does the same for a setup intent.
 * - `POST advance` `{ "seconds": n, "timeout_ms"?: n }` moves the emulator's clock and does what falls
 *   due, in order, webhooks and their retries included; it answers when they were made, or when
 *   the time is up, which is ten seconds unless it is given.
 * - `GET deliveries` (`?event=`, `?state=`) lists webhook deliveries and their attempts.
 * - `POST deliveries/redeliver` `{ "event"?, "order"?: "forward" | "reverse" | "shuffle", "seed"?,
 *   "times"? }` sends events again, one after another, and answers with the statuses.
 * - `POST settle` `{ "timeout_ms"?: n }` answers when no delivery is pending.
 * - `POST webhooks` `{ "mode": "deliver" | "hold" | "drop" }` keeps events back, lets them go, or
 *   has Stripe give up on them, as after an outage of days; they can still be sent again by hand.
 * - `POST faults` `{ "kind", "method"?, "path"?, "nth"?, "ms"? }` makes the nth matching call fail:
 *   `409`, `429`, `429_lock_timeout`, `500_before` do no work; `500_after` does it, answers 500 and
 *   keeps that under the idempotency key; `402` declines a card, does nothing and keeps that as well;
 *   `reset_after` does the work and cuts the connection, `truncated` in the middle of the answer;
 *   `slow` waits `ms` before it begins. `GET faults` lists what is planned.
 * - `POST reset` empties the state, and takes hostility back to how it was at the start.
 *
 * hostility.ts and outside.ts have more.
 */
import { Router } from "express";
import type { ParsedQs } from "qs";
import type { Stripe } from "stripe";

import { declarer } from "./control_body.ts";
import { NO_REQUEST } from "./context.ts";
import { MODES } from "./deliveries.ts";
import { contextFor } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { stateError } from "./errors.ts";
import { faultFrom } from "./faults.ts";
import * as p from "./params.ts";
import { arrange } from "./redelivery.ts";
import { authenticate } from "./resources/collection.ts";
import { invoiceOf } from "./resources/payment_intents.ts";
import { renewNow } from "./resources/renewal.ts";
import { authenticateSetup } from "./resources/setup_intents.ts";
import { found } from "./resources/shared.ts";
import { runDue } from "./schedule.ts";
import { inTimeOf } from "./test_time.ts";

const MAX_ADVANCE = 10 * 366 * 86_400;
const MAX_WAIT_MS = 60_000;
const WAIT_MS = 10_000;
const MAX_TIMES = 100;

const outcome = p.shape({}, { outcome: p.oneOf("pay", "fail") });
const advance = p.shape(
  { seconds: p.bounded(0, MAX_ADVANCE) },
  { timeout_ms: p.bounded(0, MAX_WAIT_MS) },
);
const redeliver = p.shape(
  {},
  {
    event: p.text,
    order: p.oneOf("forward", "reverse", "shuffle"),
    seed: p.integer,
    times: p.bounded(1, MAX_TIMES),
  },
);
const settle = p.shape({}, { timeout_ms: p.bounded(0, MAX_WAIT_MS) });
const mode = p.shape({ mode: p.oneOf(...MODES) }, {});

/** The endpoints under /_emulator. */
export function controlRouter(engine: Engine): Router {
  const router = Router();
  const on = declarer(router);

  on("/subscriptions/:id/renew", (body, id) => renew(engine, id, outcome(body, "").outcome));
  on("/payment_intents/:id/authenticate", (body, id) =>
    answerBank(engine, id, outcome(body, "").outcome ?? "pay"),
  );
  on("/setup_intents/:id/authenticate", (body, id) =>
    answerSetup(engine, id, outcome(body, "").outcome ?? "pay"),
  );
  on("/advance", (body) => moveClock(engine, advance(body, "")));
  on("/deliveries/redeliver", (body) => sendAgain(engine, redeliver(body, "")));
  on("/settle", async (body) => {
    const settled = await engine.webhooks.settle(settle(body, "").timeout_ms ?? WAIT_MS);
    return { settled, pending: engine.webhooks.pendingCount };
  });
  on("/webhooks", (body) => {
    const wanted = mode(body, "");
    engine.webhooks.setMode(wanted.mode);
    return { ...wanted, pending: engine.webhooks.pendingCount };
  });
  on("/faults", (body) => {
    const planned = faultFrom(body);
    engine.faults.plan(planned);
    return planned;
  });
  on("/reset", () => {
    engine.reset();
    return { reset: true };
  });
  router.get("/faults", (_request, response) => {
    response.json({ faults: engine.faults.planned() });
  });
  router.get("/deliveries", (request, response) => {
    response.json({ deliveries: deliveries(engine, request.query) });
  });
  return router;
}

function renew(engine: Engine, id: string, how?: "pay" | "fail"): Stripe.Subscription {
  const subscription = found(engine.store.subscriptions, "subscription", id);
  renewNow(inTimeOf(contextFor(engine, NO_REQUEST), id), subscription, how);
  engine.touch();
  return subscription;
}

function answerBank(engine: Engine, id: string, how: "pay" | "fail"): Stripe.PaymentIntent {
  const intent = found(engine.store.paymentIntents, "payment_intent", id);
  if (intent.status !== "requires_action") {
    throw stateError(`${id} waits for no authentication: it is ${intent.status}.`);
  }
  const context = inTimeOf(contextFor(engine, NO_REQUEST), id);
  authenticate(context, invoiceOf(context, intent), how);
  engine.touch();
  return intent;
}

function answerSetup(engine: Engine, id: string, how: "pay" | "fail"): Stripe.SetupIntent {
  const intent = authenticateSetup(inTimeOf(contextFor(engine, NO_REQUEST), id), id, how);
  engine.touch();
  return intent;
}

async function moveClock(engine: Engine, wanted: ReturnType<typeof advance>): Promise<object> {
  const { clock, webhooks } = engine;
  const { seconds, timeout_ms: timeoutMs = WAIT_MS } = wanted;
  const steps = runDue(contextFor(engine, NO_REQUEST), clock.now() + seconds);
  clock.setOffset(clock.offset() + seconds);
  webhooks.clockMoved(seconds * 1000);
  engine.touch();
  await webhooks.caughtUp(timeoutMs);
  return { now: clock.now(), steps, pending: webhooks.pendingCount };
}

async function sendAgain(engine: Engine, wanted: ReturnType<typeof redeliver>): Promise<object> {
  const { events } = engine.store;
  const chosen =
    wanted.event === undefined
      ? [...events.values()]
      : [found(events, "event", wanted.event, "event")];
  const results = [];
  for (const event of arrange(chosen, wanted)) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: the order is the point.
    results.push(...(await engine.webhooks.resend(event)));
  }
  return { deliveries: results };
}

function deliveries(engine: Engine, query: ParsedQs): object[] {
  const all = [...engine.store.deliveries.values()].toReversed();
  return all
    .filter((each) => query["event"] === undefined || each.event === query["event"])
    .filter((each) => query["state"] === undefined || each.state === query["state"]);
}
