import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { stateError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { found } from "./shared.ts";

const UPDATE = {
  evidence: p.shape(
    {},
    { customer_name: p.text, product_description: p.text, uncategorized_text: p.text },
  ),
  metadata: p.metadata,
  submit: p.boolean,
};
const LIST = { ...PAGE, charge: p.text, created, payment_intent: p.text };

/** The endpoints under /v1/disputes. */
export const disputeRoutes = [
  route("GET", "/v1/disputes/:id", {}, (context, _params, id) =>
    found(context.store.disputes, "dispute", id),
  ),
  route("POST", "/v1/disputes/:id", { optional: UPDATE }, update),
  route("POST", "/v1/disputes/:id/close", {}, (context, _params, id) => {
    const dispute = open(context, id);
    close(context, dispute, "lost");
    return dispute;
  }),
  route("GET", "/v1/disputes", { optional: LIST }, (context, params) => {
    const { charge, payment_intent: intent } = params;
    const rows = [...context.store.disputes.values()]
      .filter((row) => charge === undefined || row.charge === charge)
      .filter((row) => intent === undefined || row.payment_intent === intent)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/disputes");
  }),
];

function open(context: Context, id: string): Stripe.Dispute {
  const dispute = found(context.store.disputes, "dispute", id);
  if (dispute.status === "needs_response" || dispute.status === "under_review") return dispute;
  throw stateError(`This dispute is already closed: it is ${dispute.status}.`);
}

/** Evidence once submitted is decided on: Stripe's test words win or lose, others take their time. */
function update(context: Context, params: p.Optional<typeof UPDATE>, id: string): Stripe.Dispute {
  const dispute = open(context, id);
  change(context, "charge.dispute.updated", dispute, () => {
    Object.assign(dispute.evidence, params.evidence);
    dispute.metadata = p.mergeMetadata(dispute.metadata, params.metadata);
    if (params.evidence !== undefined) dispute.evidence_details.has_evidence = true;
    if (params.submit === true) {
      dispute.status = "under_review";
      dispute.evidence_details.submission_count += 1;
      dispute.evidence_details.submission_method = "manual";
    }
  });
  if (params.submit !== true) return dispute;
  const words = dispute.evidence.uncategorized_text;
  if (words === "winning_evidence") close(context, dispute, "won");
  if (words === "losing_evidence") close(context, dispute, "lost");
  return dispute;
}

function close(context: Context, dispute: Stripe.Dispute, status: "won" | "lost"): void {
  change(context, "charge.dispute.updated", dispute, () => {
    dispute.status = status;
  });
  emit(context, "charge.dispute.closed", dispute);
  if (status === "won") emit(context, "charge.dispute.funds_reinstated", dispute);
}
