import { control, stripe } from "./calls.js";
import { button, code, element, faint, money, tag, time } from "./elements.js";

/** A customer with their subscriptions and invoices, and what can be done to each. */
export function customerView({ id, deleted, name, email, card, subscriptions, invoices }) {
  return element(
    "article",
    "",
    element(
      "div",
      "row",
      element("h3", "", deleted ? "Deleted customer" : (name ?? email ?? "Nameless customer")),
      email ? faint(email) : null,
      code(id),
      card ? faint("has a card") : faint("no card"),
    ),
    element("div", "indent", subscriptions.map(subscriptionView), invoices.map(invoiceView)),
  );
}

function subscriptionView({ id, status, cancelAt, trialEnd, items }) {
  const isOver = ["canceled", "incomplete_expired"].includes(status);
  const [first] = items;
  return element(
    "div",
    "row",
    tag(status),
    items.map(
      ({ product, amount, currency, interval, quantity }) =>
        `${product}${quantity > 1 ? ` × ${quantity}` : ""}, ${money(amount, currency)} a ${interval}`,
    ),
    first && !isOver ? faint(`period ends ${time(first.periodEnd)}`) : null,
    status === "trialing" ? faint(`trial ends ${time(trialEnd)}`) : null,
    cancelAt && !isOver ? element("span", "wait", `ends ${time(cancelAt)}`) : null,
    code(id),
    isOver ? null : subscriptionActions(id, status, cancelAt),
  );
}

function subscriptionActions(id, status, cancelAt) {
  const renewable = ["active", "past_due", "trialing"].includes(status);
  return element(
    "div",
    "actions",
    renewable ? button("Renew now", () => control(`subscriptions/${id}/renew`)) : null,
    renewable
      ? button("Renew, payment fails", () =>
          control(`subscriptions/${id}/renew`, { outcome: "fail" }),
        )
      : null,
    cancelAt
      ? button("Don't cancel", () =>
          stripe("POST", `subscriptions/${id}`, { cancel_at_period_end: "false" }),
        )
      : button("Cancel at period end", () =>
          stripe("POST", `subscriptions/${id}`, { cancel_at_period_end: "true" }),
        ),
    button("Cancel now", () => stripe("DELETE", `subscriptions/${id}`)),
  );
}

function invoiceView({
  id,
  number,
  status,
  reason,
  amount,
  currency,
  created,
  intent,
  nextAttempt,
}) {
  return element(
    "div",
    "row",
    tag(status),
    money(amount, currency),
    faint(`${number ?? "draft"}, ${(reason ?? "manual").replaceAll("_", " ")}, ${time(created)}`),
    nextAttempt ? element("span", "wait", `tried again ${time(nextAttempt)}`) : null,
    code(id),
    status === "open" ? invoiceActions(id, intent) : null,
    status === "paid" && intent?.charge ? chargeActions(intent.charge) : null,
  );
}

/** What the holder of a card and its issuer may do. */
function chargeActions(charge) {
  return element(
    "div",
    "actions",
    button("Dispute", () => control(`charges/${charge}/dispute`)),
    button("Warn of fraud", () => control(`charges/${charge}/early_fraud_warning`)),
  );
}

function invoiceActions(id, intent) {
  if (intent?.status === "processing") {
    return element(
      "div",
      "actions",
      button("Bank answers", () => control(`payment_intents/${intent.id}/settle`)),
      button("Bank refuses", () =>
        control(`payment_intents/${intent.id}/settle`, { outcome: "fail" }),
      ),
    );
  }
  if (intent?.status === "requires_action") {
    return element(
      "div",
      "actions",
      button("Authenticate", () => control(`payment_intents/${intent.id}/authenticate`)),
      button("Fail to authenticate", () =>
        control(`payment_intents/${intent.id}/authenticate`, { outcome: "fail" }),
      ),
    );
  }
  const pay = (paymentMethod) => () =>
    intent
      ? stripe("POST", `payment_intents/${intent.id}/confirm`, { payment_method: paymentMethod })
      : stripe("POST", `invoices/${id}/pay`, { payment_method: paymentMethod });
  return element(
    "div",
    "actions",
    button("Pay", pay("pm_card_visa")),
    button("Pay, card is declined", pay("pm_card_chargeDeclined")),
    button("Pay, bank asks", pay("pm_card_authenticationRequired")),
    button("Pay by debit", pay("pm_usBankAccount_success")),
    button("Void", () => stripe("POST", `invoices/${id}/void`)),
  );
}
