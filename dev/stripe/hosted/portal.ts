import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import {
  answerCard,
  cancelInPortal,
  changeCard,
  changePlan,
  keepInPortal,
  livingSubscriptions,
  prorationOf,
} from "../resources/portal_actions.ts";
import { confirmUpdate, flowToDo, subscriptionOfFlow } from "../resources/portal_flows.ts";
import { found } from "../resources/shared.ts";
import { idOf } from "../store.ts";
import { payInvoice } from "./invoice_page.ts";
import { chosenCard } from "./parts.ts";
import { confirmationPage, flowPage, isFlowDone } from "./portal_flow.ts";
import { portalPage } from "./portal_page.ts";
import type { HostedPage } from "./router.ts";

type Session = Stripe.BillingPortal.Session;

/** The page that a portal session's `url` leads to. */
export const portal: HostedPage = {
  path: "/p/session/:id",
  show(context, id, error) {
    const [session, configuration] = opened(context, id);
    const flow = flowToDo(context, session);
    if (flow !== null) return flowPage(context, session, configuration, flow, error);
    if (session.flow?.after_completion.type === "hosted_confirmation") {
      return confirmationPage(session.flow);
    }
    return portalPage(context, session, configuration, error);
  },
  post(context, id, form) {
    const [session, configuration] = opened(context, id);
    act(context, session, configuration, form);
    const flow = flowToDo(context, session);
    if (flow === null || !isFlowDone(context, session, flow, form["step"] ?? "")) return null;
    context.store.finishedFlows.set(id, { id });
    return flow.after_completion.redirect?.return_url ?? null;
  },
};

function opened(context: Context, id: string): [Session, Stripe.BillingPortal.Configuration] {
  const session = found(context.store.portalSessions, "billing_portal.session", id);
  const { portalConfigurations } = context.store;
  return [session, found(portalConfigurations, "configuration", idOf(session.configuration))];
}

/** Does what a button asks for, if the configuration has that button and the object is theirs. */
function act(
  context: Context,
  session: Session,
  configuration: Stripe.BillingPortal.Configuration,
  form: Record<string, string>,
): void {
  const { features } = configuration;
  const { customer } = session;
  const { step = "", subscription: wanted, invoice: billed } = form;
  const invoice = context.store.invoices.get(billed ?? "");
  if (invoice !== undefined) {
    if (invoice.customer === customer && features.invoice_history.enabled) {
      payInvoice(context, invoice, form);
    }
    return;
  }
  if (features.payment_method_update.enabled) {
    if (step === "card") changeCard(context, customer, chosenCard(form["card"] ?? ""));
    if (step === "authenticate") answerCard(context, customer, "pay");
    if (step === "refuse") answerCard(context, customer, "fail");
  }
  const theirs = livingSubscriptions(context, customer).find((each) => each.id === wanted);
  if (theirs === undefined) return;
  if (features.subscription_cancel.enabled) {
    if (step === "cancel") cancelInPortal(context, theirs, configuration);
    if (step === "keep") keepInPortal(context, theirs);
  }
  if (!features.subscription_update.enabled) return;
  if (step === "change") changePlan(context, theirs, form["price"] ?? "", configuration);
  const flow = flowToDo(context, session);
  if (step === "confirm" && flow !== null && subscriptionOfFlow(flow) === wanted) {
    confirmUpdate(context, flow, prorationOf(configuration));
  }
}
