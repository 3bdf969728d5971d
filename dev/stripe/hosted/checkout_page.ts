import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { takesCode } from "../resources/checkout_discounts.ts";
import { needsNoCard } from "../resources/checkout_payment.ts";
import { linesOf } from "../resources/checkout_record.ts";
import { waitingFor } from "../resources/checkout_state.ts";
import { html, money } from "./html.ts";
import type { Html } from "./html.ts";
import {
  bankQuestion,
  cardChoice,
  messagePage,
  nameOf,
  notice,
  pageOf,
  priceText,
  stepButton,
} from "./parts.ts";

type Session = Stripe.Checkout.Session;

/** The page of a checkout session, with what went wrong at the last attempt. */
export function checkoutPage(context: Context, session: Session, error = ""): Html {
  if (session.status === "expired") {
    return messagePage("This session has expired", "Nothing was paid. Begin again at the shop.");
  }
  if (session.status === "complete") {
    return messagePage("You are all done here", "This session is complete; nothing more is due.");
  }
  const isSale = session.mode === "subscription";
  const title = isSale ? "Subscribe" : "Save a payment method";
  const question = waitingFor(context, session) === undefined ? null : bankQuestion();
  return pageOf(
    title,
    html`<main class="two">
      <section class="open">
        <h1>${title}</h1>
        ${isSale ? summary(context, session) : html``}
        ${takesCode(context, session) ? codeForm() : html``}
        ${session.cancel_url === null ? html`` : stepButton("Cancel", "cancel")}
      </section>
      ${question ?? paymentForm(context, session, error)}
    </main>`,
  );
}

function summary(context: Context, session: Session): Html {
  const lines = linesOf(context.store, session.id);
  const off = session.total_details?.amount_discount ?? 0;
  const { trial_period_days: days } = context.store.checkouts.get(session.id)?.data ?? {};
  return html`<p class="total">
      ${money(session.amount_total ?? 0, session.currency ?? "usd")}
      <span class="faint">due today</span>
    </p>
    ${days === undefined ? html`` : html`<p>${days} days free, then:</p>`}
    ${lines.map(
      ({ price, quantity }) =>
        html`<div class="row">
          <span>${nameOf(context.store, price)}${(quantity ?? 1) > 1 ? ` × ${quantity}` : ""}</span>
          <span class="faint">${price === null ? "" : priceText(price)}</span>
        </div>`,
    )}
    ${off === 0 ? html`` : html`<p class="faint">Discount: ${money(-off, session.currency ?? "usd")}</p>`}`;
}

function codeForm(): Html {
  return html`<form method="post" class="inline">
    <label for="code">Promotion code</label>
    <input id="code" name="code" required />
    <button name="step" value="code" class="plain">Apply</button>
  </form>`;
}

function paymentForm(context: Context, session: Session, error: string): Html {
  const email = session.customer_details?.email;
  // After an attempt that failed there is a customer already.
  const attempted = context.store.checkouts.get(session.id)?.customer;
  const isNew = session.customer_creation === "always" && attempted === undefined;
  const asksEmail = !email && isNew;
  const isDue = (session.amount_total ?? 0) > 0;
  const label = session.mode === "setup" ? "Save card" : "Subscribe";
  return html`<section>
    <h2>Pay with a card</h2>
    ${notice(error)} ${email ? html`<p class="faint">${email}</p>` : html``}
    <form method="post" class="stack">
      ${
        asksEmail
          ? html`<label for="email">E-mail</label>
              <input id="email" name="email" type="email" autocomplete="email" required />`
          : html``
      }
      ${needsNoCard(session) ? html`` : cardChoice(isDue ? session.currency : null)}
      <button name="step" value="pay">${label}</button>
    </form>
  </section>`;
}
