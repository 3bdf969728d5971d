import type { Stripe } from "stripe";

import { cut, fewItems } from "./few_items.ts";
import { list } from "./pagination.ts";
import { isRecord } from "./params.ts";
import { linesOf } from "./resources/checkout_record.ts";
import { objectWithId } from "./object_with_id.ts";
import { copy } from "./store.ts";
import type { Store } from "./store.ts";

/** The body of an answer, as `expanded` says; only what is expanded has subscriptions deep in it. */
export function written(store: Store, answer: unknown, paths: string[]): string {
  return paths.length === 0
    ? JSON.stringify(fewItems(answer), null, 2)
    : JSON.stringify(expanded(store, answer, paths), cut, 2);
}

/**
 * `answer` with the whole object in each path asked for (`data.customer`): then it is a copy, which
 * costs as much as the rest of a simple call.
 */
function expanded(store: Store, answer: unknown, paths: string[]): unknown {
  if (paths.length === 0) return answer;
  const result = copy(answer);
  for (const path of paths) expandStep(store, result, path.split("."));
  return result;
}

/** Follows a path down; where an object lacks the next field, there is nothing to expand. */
function expandStep(store: Store, node: unknown, [step, ...rest]: string[]): void {
  if (step === undefined) return;
  if (Array.isArray(node)) {
    for (const element of node) expandStep(store, element, [step, ...rest]);
    return;
  }
  if (!isRecord(node)) return;
  if (!Object.hasOwn(node, step)) {
    const extra = includable(store, node, step);
    if (extra === undefined) return;
    node[step] = copy(extra);
  }
  node[step] = wholeObjects(store, node[step]);
  expandStep(store, node[step], rest);
}

/** Replaces an id, or each id of a list of them, by its object; leaves anything else alone. */
function wholeObjects(store: Store, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => wholeObjects(store, each));
  return typeof value === "string" ? copy(objectWithId(store, value) ?? value) : value;
}

/** Fields that are left out of an object unless they are asked for. */
function includable(store: Store, node: Record<string, unknown>, field: string): unknown {
  const id = String(node["id"]);
  if (node["object"] === "invoice") {
    if (field === "payments") return paymentsOf(store, id);
    if (field === "confirmation_secret") return confirmationSecret(store, node);
  }
  if (node["object"] === "checkout.session" && field === "line_items") {
    return list(linesOf(store, id), false, `/v1/checkout/sessions/${id}/line_items`);
  }
  if (node["object"] === "customer" && field === "subscriptions") {
    const live = [...store.subscriptions.values()].filter(
      (each) => each.customer === id && !["canceled", "incomplete_expired"].includes(each.status),
    );
    return list(live.toReversed(), false, `/v1/customers/${id}/subscriptions`);
  }
  return undefined;
}

function paymentsOf(store: Store, invoice: string): Stripe.ApiList<Stripe.InvoicePayment> {
  const payments = [...store.invoicePayments.values()].filter((each) => each.invoice === invoice);
  return list(payments, false, `/v1/invoice_payments?invoice=${invoice}`);
}

/** What a browser pays an invoice with: only a finalized invoice with something to pay has one. */
function confirmationSecret(
  store: Store,
  invoice: Record<string, unknown>,
): Stripe.Invoice.ConfirmationSecret | null {
  const payment = paymentsOf(store, String(invoice["id"])).data.find((each) => each.is_default);
  const intent = payment?.payment.payment_intent;
  if (invoice["status"] === "draft" || typeof intent !== "string") return null;
  const secret = store.paymentIntents.get(intent)?.client_secret;
  return secret ? { client_secret: secret, type: "payment_intent" } : null;
}
