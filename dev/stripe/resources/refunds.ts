import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, missingParameter, stateError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { idOf, newId } from "../store.ts";
import { found } from "./shared.ts";

const CREATE = {
  amount: p.integer,
  charge: p.text,
  metadata: p.metadata,
  payment_intent: p.text,
  reason: p.oneOf("duplicate", "fraudulent", "requested_by_customer"),
};
type Create = p.Optional<typeof CREATE>;
const LIST = { ...PAGE, charge: p.text, created, payment_intent: p.text };

/** The endpoints under /v1/refunds. */
export const refundRoutes = [
  route("POST", "/v1/refunds", { optional: CREATE }, create),
  route("GET", "/v1/refunds/:id", {}, (context, _params, id) =>
    found(context.store.refunds, "refund", id),
  ),
  route(
    "POST",
    "/v1/refunds/:id",
    { optional: { metadata: p.metadata } },
    (context, params, id) => {
      const refund = found(context.store.refunds, "refund", id);
      change(context, "refund.updated", refund, () => {
        refund.metadata = p.mergeMetadata(refund.metadata ?? {}, params.metadata);
      });
      return refund;
    },
  ),
  route("GET", "/v1/refunds", { optional: LIST }, (context, params) => {
    const { charge, payment_intent: intent } = params;
    const rows = [...context.store.refunds.values()]
      .filter((row) => charge === undefined || row.charge === charge)
      .filter((row) => intent === undefined || row.payment_intent === intent)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/refunds");
  }),
];

/** Gives back all that is left of a charge, or a part. The invoice stays paid. */
function create(context: Context, params: Create): Stripe.Refund {
  const charge = chargeFor(context, params);
  const left = charge.amount - charge.amount_refunded;
  if (charge.refunded) {
    throw stateError(`Charge ${charge.id} has already been refunded.`, "charge_already_refunded");
  }
  if (charge.disputed) {
    throw stateError(`Charge ${charge.id} has been charged back.`, "charge_disputed");
  }
  const amount = params.amount ?? left;
  if (amount < 1) throw invalidParameter("amount", "Invalid positive integer");
  if (amount > left) {
    const message = `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`;
    throw invalidParameter("amount", message);
  }
  const refund = refundOf(context, charge, amount, params);
  context.store.refunds.set(refund.id, refund);
  emit(context, "refund.created", refund);
  change(context, "charge.refunded", charge, () => {
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded === charge.amount;
  });
  return refund;
}

function chargeFor(context: Context, params: Create): Stripe.Charge {
  const { charges, paymentIntents } = context.store;
  if (params.charge !== undefined) return found(charges, "charge", params.charge, "charge");
  if (params.payment_intent === undefined) throw missingParameter("charge");
  const { payment_intent: id } = params;
  const intent = found(paymentIntents, "payment_intent", id, "payment_intent");
  const charge = charges.get(idOf(intent.latest_charge ?? ""));
  if (charge?.paid === true) return charge;
  throw invalidParameter("payment_intent", `This PaymentIntent (${id}) has no successful charge.`);
}

function refundOf(
  context: Context,
  charge: Stripe.Charge,
  amount: number,
  params: Create,
): Stripe.Refund {
  return {
    id: newId("re"),
    object: "refund",
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: context.clock.now(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: { type: "card" },
    metadata: p.mergeMetadata({}, params.metadata),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: params.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: "succeeded",
    transfer_reversal: null,
  };
}
