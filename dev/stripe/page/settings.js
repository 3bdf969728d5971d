import { control } from "./calls.js";
import { button, element } from "./elements.js";

const AFTER_RETRIES = {
  cancel: "cancel it",
  unpaid: "mark it unpaid",
  past_due: "leave it past due",
  pause: "pause it",
};
const ON_DISPUTE = { keep: "keep it", cancel: "cancel it" };

/** What the account has chosen for subscriptions, and the other choices as buttons. */
export function settingsView({ after_retries, on_dispute }) {
  return [
    choice("After the last retry", AFTER_RETRIES, "after_retries", after_retries),
    choice("When a payment is disputed", ON_DISPUTE, "on_dispute", on_dispute),
  ];
}

function choice(label, options, name, chosen) {
  return element(
    "div",
    "row",
    `${label}: ${options[chosen]}`,
    Object.entries(options)
      .filter(([value]) => value !== chosen)
      .map(([value, text]) =>
        button(text[0].toUpperCase() + text.slice(1), () => control("settings", { [name]: value })),
      ),
  );
}
