import type { Stripe } from "stripe";

import { idOf } from "../store.ts";
import type { Store } from "../store.ts";
import { html, money } from "./html.ts";
import type { Html } from "./html.ts";

/** The cards to choose from, by the name of the payment method that each becomes. */
const CARDS: ReadonlyMap<string, string> = new Map([
  ["pm_card_visa", "4242 4242 4242 4242: pays"],
  ["pm_card_chargeDeclined", "4000 0000 0000 0002: is declined"],
  ["pm_card_chargeDeclinedInsufficientFunds", "4000 0000 0000 9995: has insufficient funds"],
  ["pm_card_authenticationRequired", "4000 0027 6000 3184: the bank asks every time"],
  ["pm_card_authenticationRequiredOnSetup", "4000 0025 0000 3155: the bank asks once"],
  ["pm_card_chargeCustomerFail", "4000 0000 0000 0341: pays now, fails at renewals"],
]);

/** Bank accounts, for dollars only. */
const ACCOUNTS: ReadonlyMap<string, string> = new Map([
  ["pm_usBankAccount_success", "Bank account 6789: pays in four days"],
  ["pm_usBankAccount_insufficientFunds", "Bank account 2227: fails in four days"],
]);

/** What was chosen in a form; the good card if it names none of those offered. */
export function chosenCard(name: string): string {
  return CARDS.has(name) || ACCOUNTS.has(name) ? name : "pm_card_visa";
}

/** A whole page. */
export function pageOf(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/_emulator/hosted.css" />
      </head>
      <body>
        <p class="mode">Stripe emulator: no money moves here</p>
        ${body}
      </body>
    </html>`;
}

/** A page that only says something. */
export function messagePage(title: string, text: string): Html {
  return pageOf(
    title,
    html`<main class="narrow">
      <h1>${title}</h1>
      <p>${text}</p>
    </main>`,
  );
}

/** What went wrong, if anything did. */
export function notice(message: string): Html {
  return message === "" ? html`` : html`<p class="error" role="alert">${message}</p>`;
}

/** The choice of test cards and, for something to pay in dollars, of bank accounts. */
export function cardChoice(currency: string | null, id = "card"): Html {
  const choices = currency === "usd" ? [...CARDS, ...ACCOUNTS] : [...CARDS];
  return html`<label for="${id}">Test card</label>
    <select id="${id}" name="card">
      ${choices.map(([name, label]) => html`<option value="${name}">${label}</option>`)}
    </select>`;
}

/** A button in a form of its own that posts `step` to the page's own address. */
export function stepButton(label: string, step: string, hidden: Record<string, string> = {}): Html {
  return html`<form method="post">
    ${Object.entries(hidden).map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}
    <button name="step" value="${step}" class="plain">${label}</button>
  </form>`;
}

/** The second step of 3-D Secure, which a bank would show. */
export function bankQuestion(hidden: Record<string, string> = {}): Html {
  return html`<section class="bank">
    <h2>3-D Secure</h2>
    <p>Your bank asks whether this is you.</p>
    <div class="buttons">
      ${stepButton("Complete authentication", "authenticate", hidden)}
      ${stepButton("Fail authentication", "refuse", hidden)}
    </div>
  </section>`;
}

/** What a price is called: its product's name. */
export function nameOf(store: Store, price: Stripe.Price | null): string {
  if (price === null) return "";
  return store.products.get(idOf(price.product))?.name ?? price.id;
}

/** A price as people read it: `$19.00 a month`. */
export function priceText({ unit_amount: amount, currency, recurring }: Stripe.Price): string {
  const { interval = "", interval_count: count = 1 } = recurring ?? {};
  const every = count === 1 ? `a ${interval}` : `every ${count} ${interval}s`;
  const each = recurring?.usage_type === "metered" ? " for each unit used" : "";
  return `${money(amount ?? 0, currency)}${each} ${recurring === null ? "" : every}`.trim();
}
