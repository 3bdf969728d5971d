import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { isProcessing } from "../resources/debits.ts";
import { askedSetup, choicesFor, livingSubscriptions } from "../resources/portal_actions.ts";
import { liveCustomer } from "../resources/shared.ts";
import { idOf } from "../store.ts";
import { day, html, money } from "./html.ts";
import type { Html } from "./html.ts";
import { isAsked } from "./invoice_page.ts";
import {
  bankQuestion,
  cardChoice,
  nameOf,
  notice,
  pageOf,
  priceText,
  stepButton,
} from "./parts.ts";

type Configuration = Stripe.BillingPortal.Configuration;

/** The page of a portal session, with what went wrong just now. */
export function portalPage(
  context: Context,
  session: Stripe.BillingPortal.Session,
  configuration: Configuration,
  error: string,
): Html {
  const { email, id } = liveCustomer(context.store, session.customer);
  const { features } = configuration;
  const subscriptions = livingSubscriptions(context, id);
  return pageOf(
    "Manage your billing",
    html`<main class="narrow">
      <h1>Manage your billing</h1>
      ${email === null ? html`` : html`<p class="faint">${email}</p>`} ${notice(error)}
      <section>
        <h2>Subscriptions</h2>
        ${subscriptions.map((each) => subscriptionView(context, each, configuration))}
        ${subscriptions.length === 0 ? html`<p class="faint">None.</p>` : html``}
      </section>
      ${features.payment_method_update.enabled ? cardView(context, id) : html``}
      ${features.invoice_history.enabled ? invoicesView(context, id) : html``}
      ${
        session.return_url === null
          ? html``
          : html`<p><a href="${session.return_url}" rel="noreferrer">Return</a></p>`
      }
    </main>`,
  );
}

function subscriptionView(
  context: Context,
  subscription: Stripe.Subscription,
  configuration: Configuration,
): Html {
  const { features } = configuration;
  const { id, cancel_at: end } = subscription;
  const hidden = { subscription: id };
  const step = end === null ? "cancel" : "keep";
  const label = end === null ? "Cancel subscription" : "Don't cancel";
  return html`${itemsView(context, subscription)}
  ${end === null ? html`` : html`<p class="faint">Ends on ${day(end)}</p>`}
  ${features.subscription_update.enabled ? planForm(context, subscription, configuration) : html``}
  ${features.subscription_cancel.enabled ? stepButton(label, step, hidden) : html``}`;
}

/** What a subscription is for. */
export function itemsView(context: Context, { items, status }: Stripe.Subscription): Html[] {
  return items.data.map(
    ({ price, quantity }) =>
      html`<p>
        <strong>${nameOf(context.store, price)}</strong> ${priceText(price)}
        ${(quantity ?? 1) > 1 ? `× ${quantity}` : ""} <span class="tag">${status}</span>
      </p>`,
  );
}

/** The plans to choose from, if there is a choice. */
export function planForm(
  context: Context,
  subscription: Stripe.Subscription,
  configuration: Configuration,
): Html {
  const choices = choicesFor(context, subscription, configuration);
  if (choices.length === 0) return html``;
  return html`<form method="post" class="inline">
    <input type="hidden" name="subscription" value="${subscription.id}" />
    <label for="price-${subscription.id}">Plan</label>
    <select id="price-${subscription.id}" name="price">
      ${choices.map(
        (price) =>
          html`<option value="${price.id}">
            ${nameOf(context.store, price)}, ${priceText(price)}
          </option>`,
      )}
    </select>
    <button name="step" value="change" class="plain">Change plan</button>
  </form>`;
}

/** The card that is charged, and the choice of another. */
export function cardView(context: Context, customer: string): Html {
  if (askedSetup(context, customer) !== undefined) return bankQuestion();
  const { invoice_settings: settings } = liveCustomer(context.store, customer);
  const own = livingSubscriptions(context, customer).map((each) => each.default_payment_method);
  const id = own.find((each) => each !== null) ?? settings.default_payment_method;
  const card = id === null ? undefined : context.store.paymentMethods.get(idOf(id))?.card;
  return html`<section>
    <h2>Payment method</h2>
    <p>${card === undefined ? "None." : `${card.brand} •••• ${card.last4}`}</p>
    <form method="post" class="stack">
      ${cardChoice(null)}
      <button name="step" value="card" class="plain">Use this card</button>
    </form>
  </section>`;
}

function invoicesView(context: Context, customer: string): Html {
  const invoices = [...context.store.invoices.values()]
    .filter((each) => each.customer === customer && each.status !== "draft")
    .toReversed();
  return html`<section>
    <h2>Invoices</h2>
    ${invoices.length === 0 ? html`<p class="faint">None.</p>` : html``}
    ${invoices.map((each) => invoiceView(context, each))}
  </section>`;
}

function invoiceView(context: Context, invoice: Stripe.Invoice): Html {
  const { id, number, status, created, currency, amount_due: due } = invoice;
  return html`<div class="row">
      <span>${number ?? id}, ${day(created)}</span>
      <span>${money(due, currency)} <span class="tag">${status ?? ""}</span></span>
    </div>
    ${status === "open" ? paymentView(context, invoice) : html``}`;
}

function paymentView(context: Context, invoice: Stripe.Invoice): Html {
  const { id, currency } = invoice;
  if (isProcessing(context, invoice)) return html`<p class="faint">The bank has been asked.</p>`;
  if (isAsked(context, invoice)) return bankQuestion({ invoice: id });
  return html`<form method="post" class="inline">
    <input type="hidden" name="invoice" value="${id}" />
    ${cardChoice(currency, `card-${id}`)}
    <button name="step" value="pay">Pay</button>
  </form>`;
}
