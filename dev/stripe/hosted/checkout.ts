import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { useCode } from "../resources/checkout_discounts.ts";
import { answerCheckout, payCheckout } from "../resources/checkout_payment.ts";
import { catchUp } from "../resources/checkout_state.ts";
import { found } from "../resources/shared.ts";
import { checkoutPage } from "./checkout_page.ts";
import { chosenCard } from "./parts.ts";
import type { HostedPage } from "./router.ts";

/** The page that a checkout session's `url` leads to. */
export const checkout: HostedPage = {
  path: "/c/pay/:id",
  show(context, id, error) {
    const session = sessionNow(context, id);
    return checkoutPage(context, session, error);
  },
  post(context, id, form) {
    const session = sessionNow(context, id);
    if (form["step"] === "cancel" && session.status === "open") return session.cancel_url;
    if (session.status === "open") {
      if (form["step"] === "code") useCode(context, session, form["code"] ?? "");
      else if (form["step"] === "authenticate") answerCheckout(context, session, "pay");
      else if (form["step"] === "refuse") answerCheckout(context, session, "fail");
      else payCheckout(context, session, chosenCard(form["card"] ?? ""), form["email"] ?? "");
    }
    // A second click on the same button ends where the first one did.
    return session.status === "complete" ? successUrl(session) : null;
  },
};

function sessionNow(context: Context, id: string): Stripe.Checkout.Session {
  const session = found(context.store.checkoutSessions, "checkout.session", id);
  catchUp(context, session);
  return session;
}

function successUrl({ id, success_url: url }: Stripe.Checkout.Session): string | null {
  return url?.replaceAll("{CHECKOUT_SESSION_ID}", id) ?? null;
}
