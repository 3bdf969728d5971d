/** Small makers of elements. Text is always text: nothing that the account holds becomes markup. */

/** An element of a class with children; strings become text, null and undefined nothing. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** A button that does `work`; disabled until that is over. */
export function button(label, work) {
  const made = element("button", "", label);
  made.type = "button";
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await work();
    } finally {
      made.disabled = false;
    }
  });
  return made;
}

const MOODS = {
  good: ["active", "trialing", "paid", "succeeded", "delivered", "complete"],
  bad: [
    "past_due",
    "unpaid",
    "canceled",
    "incomplete_expired",
    "uncollectible",
    "failed",
    "expired",
  ],
};

/** A status as a coloured tag. */
export function tag(status) {
  const mood = Object.keys(MOODS).find((each) => MOODS[each].includes(status)) ?? "wait";
  return element("span", `tag ${mood}`, status);
}

/** An id, to be copied. */
export function code(text) {
  return element("code", "", text);
}

export function faint(text) {
  return element("span", "faint", text);
}

/** Unix seconds as a date and a time, in UTC. */
export function time(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
}

/** An amount in the currency's smallest unit, as people write it. */
export function money(amount, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const { maximumFractionDigits } = format.resolvedOptions();
  return format.format((amount ?? 0) / 10 ** maximumFractionDigits);
}
