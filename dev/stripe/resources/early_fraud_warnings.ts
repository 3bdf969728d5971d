import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId } from "../store.ts";
import { found } from "./shared.ts";

const URL = "/v1/radar/early_fraud_warnings";
const LIST = { ...PAGE, charge: p.text, created, payment_intent: p.text };

/** The endpoints under /v1/radar/early_fraud_warnings. */
export const earlyFraudWarningRoutes = [
  route("GET", `${URL}/:id`, {}, (context, _params, id) =>
    found(context.store.earlyFraudWarnings, "early_fraud_warning", id),
  ),
  route("GET", URL, { optional: LIST }, (context, params) => {
    const { charge, payment_intent: intent } = params;
    const rows = [...context.store.earlyFraudWarnings.values()]
      .filter((row) => charge === undefined || row.charge === charge)
      .filter((row) => intent === undefined || row.payment_intent === intent)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, URL);
  }),
];

/** A card's issuer suspects that a charge is a fraud. It says nothing of the customer. */
export function warnOfFraud(context: Context, id: string): Stripe.Radar.EarlyFraudWarning {
  const charge = found(context.store.charges, "charge", id);
  const warning: Stripe.Radar.EarlyFraudWarning = {
    id: newId("issfr"),
    object: "radar.early_fraud_warning",
    actionable: !charge.refunded && !charge.disputed,
    charge: charge.id,
    created: context.clock.now(),
    fraud_type: "made_with_stolen_card",
    livemode: false,
    ...(typeof charge.payment_intent === "string" ? { payment_intent: charge.payment_intent } : {}),
  };
  context.store.earlyFraudWarnings.set(warning.id, warning);
  emit(context, "radar.early_fraud_warning.created", warning);
  return warning;
}
