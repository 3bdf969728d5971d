import { code, element, faint, tag, time } from "./elements.js";

/** A checkout session, with the way to its page while it is open. */
export function checkoutView({ id, status, mode, payment, amount, created, url }) {
  return element(
    "div",
    "row",
    tag(status),
    element("strong", "", `Checkout, ${mode}`),
    amount === null ? null : faint(amount),
    faint(payment.replaceAll("_", " ")),
    faint(time(created)),
    url ? link(url, "Open the page") : null,
    code(id),
  );
}

/** A portal session; its page stays open. */
export function portalView({ id, customer, flow, created, url }) {
  return element(
    "div",
    "row",
    element("strong", "", "Portal"),
    flow ? faint(flow.replaceAll("_", " ")) : null,
    code(customer),
    faint(time(created)),
    link(url, "Open the page"),
    code(id),
  );
}

function link(url, text) {
  const made = element("a", "", text);
  made.href = url;
  made.target = "_blank";
  made.rel = "noreferrer";
  return made;
}
