import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, stateError } from "../errors.ts";
import { change } from "../events.ts";
import { created, isCreatedIn, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { cardError } from "../errors.ts";
import { declined } from "./charging.ts";
import { collect } from "./collection.ts";
import {
  defaultMethod,
  finalize,
  intentOf,
  markPaid,
  markUncollectible,
  markVoid,
  subscriptionOf,
} from "./invoice_states.ts";
import { usablePaymentMethod } from "./payment_methods.ts";
import { resumeAfter } from "./resumptions.ts";
import { found } from "./shared.ts";
import { afterPaid, afterVoided } from "./subscription_lifecycle.ts";

const PAY = {
  forgive: p.boolean,
  off_session: p.boolean,
  paid_out_of_band: p.boolean,
  payment_method: p.text,
};
type Pay = p.Optional<typeof PAY>;

const LIST = {
  ...PAGE,
  collection_method: p.oneOf("charge_automatically", "send_invoice"),
  created,
  customer: p.text,
  status: p.oneOf("draft", "open", "paid", "uncollectible", "void"),
  subscription: p.text,
};

/** The endpoints under /v1/invoices. */
export const invoiceRoutes = [
  route("GET", "/v1/invoices", { optional: LIST }, (context, params) => {
    const { collection_method: method, customer, status, subscription } = params;
    const rows = [...context.store.invoices.values()]
      .filter((row) => method === undefined || row.collection_method === method)
      .filter((row) => customer === undefined || row.customer === customer)
      .filter((row) => status === undefined || row.status === status)
      .filter((row) => isCreatedIn(row.created, params.created))
      .filter(
        (row) => subscription === undefined || subscriptionOf(context, row)?.id === subscription,
      );
    return page(rows, params, "/v1/invoices");
  }),
  route("GET", "/v1/invoices/:id", {}, (context, _params, id) => invoiceWith(context, id)),
  route(
    "POST",
    "/v1/invoices/:id",
    { optional: { metadata: p.metadata, auto_advance: p.boolean, description: p.text } },
    (context, params, id) => {
      const invoice = invoiceWith(context, id);
      change(context, "invoice.updated", invoice, () => {
        invoice.metadata = p.mergeMetadata(invoice.metadata ?? {}, params.metadata);
        if (params.auto_advance !== undefined) invoice.auto_advance = params.auto_advance;
        if (params.description !== undefined)
          invoice.description = p.textOrNull(params.description);
      });
      return invoice;
    },
  ),
  route("GET", "/v1/invoices/:id/lines", { optional: PAGE }, (context, params, id) =>
    page(invoiceWith(context, id).lines.data.toReversed(), params, `/v1/invoices/${id}/lines`),
  ),
  route(
    "POST",
    "/v1/invoices/:id/finalize",
    { optional: { auto_advance: p.boolean } },
    (context, _params, id) => {
      const invoice = invoiceWith(context, id);
      requireStatus(invoice, ["draft"], "finalize");
      finalize(context, invoice);
      if (invoice.amount_remaining === 0) {
        collect(context, invoice, { offSession: true, automatic: false });
      }
      return invoice;
    },
  ),
  route("POST", "/v1/invoices/:id/pay", { optional: PAY }, pay),
  route("POST", "/v1/invoices/:id/void", {}, (context, _params, id) => {
    const invoice = invoiceWith(context, id);
    requireStatus(invoice, ["open", "uncollectible"], "void");
    markVoid(context, invoice);
    afterVoided(context, invoice);
    return invoice;
  }),
  route("POST", "/v1/invoices/:id/mark_uncollectible", {}, (context, _params, id) => {
    const invoice = invoiceWith(context, id);
    requireStatus(invoice, ["open"], "mark uncollectible");
    markUncollectible(context, invoice);
    resumeAfter(context, invoice);
    return invoice;
  }),
];

function invoiceWith(context: Context, id: string): Stripe.Invoice {
  return found(context.store.invoices, "invoice", id);
}

function requireStatus(invoice: Stripe.Invoice, allowed: string[], verb: string): void {
  const status = invoice.status ?? "draft";
  if (allowed.includes(status)) return;
  if (status === "paid") throw stateError("Invoice is already paid");
  throw stateError(`You cannot ${verb} an invoice that is ${status}.`, "invoice_not_editable");
}

function pay(context: Context, params: Pay, id: string): Stripe.Invoice {
  const invoice = invoiceWith(context, id);
  requireStatus(invoice, ["draft", "open", "uncollectible"], "pay");
  const method = params.payment_method === undefined ? null : methodFor(context, invoice, params);
  requireMethod(context, invoice, params);
  if (invoice.status === "draft") finalize(context, invoice);
  if (params.paid_out_of_band === true) {
    markPaid(context, invoice, "elsewhere");
    afterPaid(context, invoice, null);
    return invoice;
  }
  const how = { offSession: params.off_session ?? true, automatic: false };
  const outcome = collect(context, invoice, method === null ? how : { ...how, method });
  if (outcome === "succeeded" || outcome === "processing") return invoice;
  const intent = intentOf(context, invoice);
  if (outcome === "requires_action" || intent === undefined) {
    throw cardError({
      code: "invoice_payment_intent_requires_action",
      message: "This payment requires additional user action before it can be completed.",
    });
  }
  throw declined(context, intent, outcome, method);
}

/** Something to charge is needed, unless there is nothing to pay or it was paid elsewhere. */
function requireMethod(context: Context, invoice: Stripe.Invoice, params: Pay): void {
  if (params.payment_method !== undefined || params.paid_out_of_band === true) return;
  if (invoice.amount_remaining === 0 || defaultMethod(context, invoice) !== null) return;
  throw invalidParameter(
    "payment_method",
    "There is no `default_payment_method` set on this Customer or Invoice. Please set one.",
    "resource_missing",
  );
}

/** The payment method named: the customer's own, or one that is nobody's yet. */
function methodFor(context: Context, invoice: Stripe.Invoice, params: Pay): string {
  const method = usablePaymentMethod(context, params.payment_method ?? "", "payment_method");
  if (method.customer !== null && method.customer !== invoice.customer) {
    throw invalidParameter("payment_method", "The payment method belongs to another customer.");
  }
  return method.id;
}
