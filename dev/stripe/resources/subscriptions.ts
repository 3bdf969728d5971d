import type { Stripe } from "stripe";

import { missingResource } from "../errors.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { search, SEARCH } from "../search.ts";
import { removeDiscounts } from "./discounts.ts";
import { addInvoiceItems } from "./invoice_items.ts";
import { PAUSE, pauseSubscription } from "./pausing.ts";
import { RESUME, resumeSubscription } from "./resumption.ts";
import { found } from "./shared.ts";
import { creditsFor } from "./subscription_change.ts";
import { CREATE, createSubscription } from "./subscription_create.ts";
import { cancelNow, isEnded } from "./subscription_lifecycle.ts";
import { invoiceRest } from "./subscription_now.ts";
import { cancellationDetails, UPDATE, updateSubscription } from "./subscription_update.ts";

const CANCEL = {
  cancellation_details: cancellationDetails,
  invoice_now: p.boolean,
  prorate: p.boolean,
};
const LIST = {
  ...PAGE,
  created,
  customer: p.text,
  price: p.text,
  status: p.oneOf(
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
  ),
  test_clock: p.text,
};

/** The endpoints under /v1/subscriptions. */
export const subscriptionRoutes = [
  route("POST", "/v1/subscriptions", CREATE, createSubscription),
  route("GET", "/v1/subscriptions/search", SEARCH, (context, params) =>
    search([...context.store.subscriptions.values()], params, "/v1/subscriptions/search"),
  ),
  route("GET", "/v1/subscriptions/:id", {}, (context, _params, id) =>
    found(context.store.subscriptions, "subscription", id),
  ),
  route("POST", "/v1/subscriptions/:id", { optional: UPDATE }, updateSubscription),
  route("DELETE", "/v1/subscriptions/:id", { optional: CANCEL }, (context, params, id) => {
    const subscription = found(context.store.subscriptions, "subscription", id);
    if (isEnded(subscription)) throw missingResource("subscription", id);
    const credits = params.prorate === true ? creditsFor(context, subscription) : [];
    addInvoiceItems(context, subscription, credits);
    cancelNow(context, subscription, "cancellation_requested", params.cancellation_details);
    if (params.invoice_now === true) invoiceRest(context, subscription);
    return subscription;
  }),
  route("POST", "/v1/subscriptions/:id/pause", { optional: PAUSE }, pauseSubscription),
  route("POST", "/v1/subscriptions/:id/resume", { optional: RESUME }, resumeSubscription),
  route("DELETE", "/v1/subscriptions/:id/discount", {}, (context, _params, id) =>
    removeDiscounts(context, found(context.store.subscriptions, "subscription", id)),
  ),
  route("GET", "/v1/subscriptions", { optional: LIST }, (context, params) => {
    const rows = [...context.store.subscriptions.values()]
      .filter((row) => params.customer === undefined || row.customer === params.customer)
      .filter(
        (row) => params.customer !== undefined || row.test_clock === (params.test_clock ?? null),
      )
      .filter((row) => hasStatus(row, params.status))
      .filter((row) => hasPrice(row, params.price))
      .filter((row) => isCreatedIn(row.created, params.created));
    return page(rows, params, "/v1/subscriptions");
  }),
];

/** Unless asked otherwise, a list leaves out what was canceled. */
function hasStatus(row: Stripe.Subscription, wanted: string | undefined): boolean {
  if (wanted === "all") return true;
  if (wanted === undefined) return row.status !== "canceled";
  return wanted === "ended" ? isEnded(row) : row.status === wanted;
}

function hasPrice(row: Stripe.Subscription, price: string | undefined): boolean {
  return price === undefined || row.items.data.some((item) => item.price.id === price);
}
