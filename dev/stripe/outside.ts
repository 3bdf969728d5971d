/**
 * What comes to Stripe from outside its API, under `/_emulator`: from banks, and from the person
 * at the Dashboard.
 *
 * - `POST settings` `{ "after_retries"?: "cancel" | "unpaid" | "past_due" | "pause", "on_dispute"?:
 *   "keep" | "cancel" }` chooses what becomes of subscriptions when the last retry has failed, and when a
 *   payment of theirs is disputed. `GET settings` says what is chosen.
 * - `POST payment_intents/:id/settle` `{ "outcome"?: "pay" | "fail" }` has a bank answer at once for
 *   a debit that it takes days for; by itself the answer depends on the account.
 * - `POST webhook_endpoints/:id/roll` `{ "keep_old_for"?: seconds }` gives an endpoint another signing
 *   secret, and answers with it; the old one signs as well for that long: 0, or up to a day.
 * - `POST keys` `{ "key", "may"?: ["GET /v1/", "POST /v1/customers", …], "expired"?: true }` limits a key
 *   to calls that begin so (others answer 403), to none without `may`, or ends it (401).
 * - `POST charges/:id/early_fraud_warning` has the card's issuer warn of a charge.
 * - `POST charges/:id/dispute` has the card's holder dispute one.
 * - `POST subscriptions/:id/status` `{ "status": "any_word" }` gives a subscription a status, also one that
 *   nobody knows: what a later version of the API may add.
 */
import { Router } from "express";

import { limitKey } from "./auth.ts";
import { declarer } from "./control_body.ts";
import { NO_REQUEST } from "./context.ts";
import type { Context } from "./context.ts";
import { contextFor } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { stateError } from "./errors.ts";
import { change } from "./events.ts";
import * as p from "./params.ts";
import { chooseSettings, settingsFields, settingsOf } from "./resources/account_settings.ts";
import { dispute } from "./resources/collection.ts";
import { endDebit } from "./resources/debits.ts";
import { invoiceOf } from "./resources/payment_intents.ts";
import { warnOfFraud } from "./resources/early_fraud_warnings.ts";
import { found } from "./resources/shared.ts";
import { rollSecret } from "./resources/webhook_endpoints.ts";
import { inTimeOf } from "./test_time.ts";

const settlement = p.shape({}, { outcome: p.oneOf("pay", "fail") });

const keys = p.shape({ key: p.text }, { may: p.list(p.text), expired: p.boolean });

const rolling = p.shape({}, { keep_old_for: p.bounded(0, 86_400) });

const status = p.shape({ status: p.text }, {});

/** The endpoints under /_emulator for what happens elsewhere. */
export function outsideRouter(engine: Engine): Router {
  const router = Router();
  const on = declarer(router);

  type Happening = (context: Context, id: string, body: unknown) => object;

  function happening(path: string, work: Happening): void {
    on(path, (body, id) => {
      const result = work(inTimeOf(contextFor(engine, NO_REQUEST), id), id, body);
      engine.touch();
      return result;
    });
  }

  on("/webhook_endpoints/:id/roll", (body, id) => {
    const { keep_old_for: seconds = 0 } = rolling(body, "");
    const rolled = rollSecret(engine.store, id, engine.clock.nowMs() + seconds * 1000);
    engine.touch();
    return rolled;
  });
  on("/keys", (body) => {
    const { key, may = [], expired = false } = keys(body, "");
    const limited = limitKey(engine.store, { id: key, may, isExpired: expired });
    engine.touch();
    return limited;
  });
  on("/settings", (body) => {
    const settings = chooseSettings(engine.store, settingsFields(body, ""));
    engine.touch();
    return settings;
  });
  router.get("/settings", (_request, response) => {
    response.json(settingsOf(engine.store));
  });
  happening("/payment_intents/:id/settle", (context, id, body) => {
    const { outcome } = settlement(body, "");
    const intent = found(context.store.paymentIntents, "payment_intent", id);
    if (intent.status !== "processing") {
      throw stateError(`${id} waits for no bank: it is ${intent.status}.`);
    }
    endDebit(context, invoiceOf(context, intent), outcome);
    return intent;
  });
  happening("/charges/:id/early_fraud_warning", warnOfFraud);
  happening("/subscriptions/:id/status", (context, id, body) => {
    const subscription = found(context.store.subscriptions, "subscription", id);
    change(context, "customer.subscription.updated", subscription, () => {
      subscription.status = status(body, "").status;
    });
    return subscription;
  });
  happening("/charges/:id/dispute", (context, id) =>
    dispute(context, found(context.store.charges, "charge", id)),
  );
  return router;
}
