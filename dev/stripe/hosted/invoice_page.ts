import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { cardError } from "../errors.ts";
import { authenticate, collect } from "../resources/collection.ts";
import { isProcessing } from "../resources/debits.ts";
import { intentOf } from "../resources/invoice_states.ts";
import { usablePaymentMethod } from "../resources/payment_methods.ts";
import { found } from "../resources/shared.ts";
import { html, money } from "./html.ts";
import type { Html } from "./html.ts";
import { bankQuestion, cardChoice, chosenCard, notice, pageOf } from "./parts.ts";
import type { HostedPage } from "./router.ts";

/** The page that an invoice's `hosted_invoice_url` leads to. */
export const invoicePage: HostedPage = {
  path: "/i/:id",
  show: (context, id, error) => view(context, found(context.store.invoices, "invoice", id), error),
  post(context, id, form) {
    payInvoice(context, found(context.store.invoices, "invoice", id), form);
    return null;
  },
};

/** What a customer's button does to an invoice: nothing, if it is not open any more. */
export function payInvoice(
  context: Context,
  invoice: Stripe.Invoice,
  { step, card = "" }: Record<string, string>,
): void {
  if (invoice.status !== "open") return;
  if (step === "pay") {
    const method = usablePaymentMethod(context, chosenCard(card), "card").id;
    refuseDecline(collect(context, invoice, { method, offSession: false, automatic: false }));
  } else if (isAsked(context, invoice)) {
    const answer = step === "authenticate" ? "pay" : "fail";
    refuseDecline(authenticate(context, invoice, answer));
  }
}

function refuseDecline(outcome: ReturnType<typeof collect>): void {
  if (typeof outcome !== "string") throw cardError(outcome);
}

/** True of an invoice whose payment waits for the bank's question to be answered. */
export function isAsked(context: Context, invoice: Stripe.Invoice): boolean {
  return invoice.status === "open" && intentOf(context, invoice)?.status === "requires_action";
}

function view(context: Context, invoice: Stripe.Invoice, error: string): Html {
  return pageOf(
    `Invoice ${invoice.number ?? ""}`,
    html`<main class="two">
      <section class="open">
        <h1>
          Invoice ${invoice.number ?? invoice.id} <span class="tag">${invoice.status ?? ""}</span>
        </h1>
        <p class="total">${money(invoice.amount_due, invoice.currency)}</p>
        ${invoice.customer_email === null ? html`` : html`<p class="faint">${invoice.customer_email}</p>`}
        ${invoice.lines.data.map(
          (line) =>
            html`<div class="row">
              <span>${line.description ?? ""}</span>
              <span>${money(line.amount, line.currency)}</span>
            </div>`,
        )}
      </section>
      ${payment(context, invoice, error)}
    </main>`,
  );
}

function payment(context: Context, invoice: Stripe.Invoice, error: string): Html {
  if (invoice.status !== "open") {
    return html`<section>
      <p>This invoice is ${invoice.status ?? "a draft"}. There is nothing to pay.</p>
    </section>`;
  }
  if (isProcessing(context, invoice)) {
    return html`<section>
      <p>The bank has been asked, and has not answered yet.</p>
    </section>`;
  }
  if (isAsked(context, invoice)) return bankQuestion();
  return html`<section>
    <h2>Pay with a card</h2>
    ${notice(error)}
    <form method="post" class="stack">
      ${cardChoice(invoice.currency)}
      <button name="step" value="pay">
        Pay ${money(invoice.amount_remaining, invoice.currency)}
      </button>
    </form>
  </section>`;
}
