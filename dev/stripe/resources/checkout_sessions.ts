import type { Stripe } from "stripe";

import { stateError } from "../errors.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { CREATE, draftSession } from "./checkout_draft.ts";
import { linesOf } from "./checkout_record.ts";
import { expireSession } from "./checkout_state.ts";
import { found } from "./shared.ts";

const URL = "/v1/checkout/sessions";
const LIST = {
  ...PAGE,
  created,
  customer: p.text,
  customer_details: p.shape({ email: p.text }, {}),
  status: p.oneOf("complete", "expired", "open"),
  subscription: p.text,
};

/** The endpoints under /v1/checkout/sessions. */
export const checkoutRoutes = [
  route("POST", URL, CREATE, (context, params): Stripe.Checkout.Session => {
    const { session, checkout } = draftSession(context, params);
    context.store.checkoutSessions.set(session.id, session);
    context.store.checkouts.set(session.id, checkout);
    return session;
  }),
  route("GET", `${URL}/:id`, {}, (context, _params, id) =>
    found(context.store.checkoutSessions, "checkout.session", id),
  ),
  route("POST", `${URL}/:id`, { optional: { metadata: p.metadata } }, (context, params, id) => {
    const session = found(context.store.checkoutSessions, "checkout.session", id);
    session.metadata = p.mergeMetadata(session.metadata ?? {}, params.metadata);
    return session;
  }),
  route("POST", `${URL}/:id/expire`, {}, (context, _params, id) => {
    const session = found(context.store.checkoutSessions, "checkout.session", id);
    if (session.status !== "open") {
      throw stateError(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`,
      );
    }
    expireSession(context, session);
    return session;
  }),
  route("GET", `${URL}/:id/line_items`, { optional: PAGE }, (context, params, id) => {
    found(context.store.checkoutSessions, "checkout.session", id);
    return page(linesOf(context.store, id).toReversed(), params, `${URL}/${id}/line_items`);
  }),
  route("GET", URL, { optional: LIST }, (context, params) => {
    const { customer, customer_details: details, status, subscription } = params;
    const rows = [...context.store.checkoutSessions.values()]
      .filter((row) => customer === undefined || row.customer === customer)
      .filter((row) => details === undefined || row.customer_details?.email === details.email)
      .filter((row) => status === undefined || row.status === status)
      .filter((row) => subscription === undefined || row.subscription === subscription)
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, URL);
  }),
];
