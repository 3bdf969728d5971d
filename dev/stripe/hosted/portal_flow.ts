import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { askedSetup, livingSubscriptions } from "../resources/portal_actions.ts";
import { subscriptionOfFlow } from "../resources/portal_flows.ts";
import { day, html } from "./html.ts";
import type { Html } from "./html.ts";
import { nameOf, notice, pageOf, priceText, stepButton } from "./parts.ts";
import { cardView, itemsView, planForm } from "./portal_page.ts";

type Session = Stripe.BillingPortal.Session;
type Configuration = Stripe.BillingPortal.Configuration;
type Flow = Stripe.BillingPortal.Session.Flow;

/** The page of a session that leads to one task, and shows nothing else. */
export function flowPage(
  context: Context,
  session: Session,
  configuration: Configuration,
  flow: Flow,
  error: string,
): Html {
  const { title, task } = taskOf(context, session, configuration, flow);
  return pageOf(
    title,
    html`<main class="narrow">
      <h1>${title}</h1>
      ${notice(error)} ${task}
      ${
        session.return_url === null
          ? html``
          : html`<p><a href="${session.return_url}" rel="noreferrer">Return</a></p>`
      }
    </main>`,
  );
}

function taskOf(
  context: Context,
  { customer }: Session,
  configuration: Configuration,
  flow: Flow,
): { title: string; task: Html } {
  if (flow.type === "payment_method_update") {
    return { title: "Change your payment method", task: cardView(context, customer) };
  }
  const id = subscriptionOfFlow(flow);
  const subscription = livingSubscriptions(context, customer).find((each) => each.id === id);
  if (subscription === undefined) {
    return { title: "Nothing to do", task: html`<p>The subscription is over.</p>` };
  }
  const hidden = { subscription: subscription.id };
  const items = itemsView(context, subscription);
  if (flow.type === "subscription_cancel") {
    const { mode } = configuration.features.subscription_cancel;
    const [first] = subscription.items.data;
    const end = mode === "immediately" ? undefined : first?.current_period_end;
    const says = end === undefined ? "It ends at once." : `It ends on ${day(end)}.`;
    return {
      title: "Cancel your subscription",
      task: html`<section>
        ${items}
        <p>${says}</p>
        ${stepButton("Cancel subscription", "cancel", hidden)}
      </section>`,
    };
  }
  if (flow.type === "subscription_update") {
    const task = html`<section>
      ${items} ${planForm(context, subscription, configuration)}
    </section>`;
    return { title: "Change your plan", task };
  }
  return {
    title: "Confirm your new plan",
    task: html`<section>
      ${items}
      <h2>From now on</h2>
      ${newItems(context, flow)} ${stepButton("Confirm", "confirm", hidden)}
    </section>`,
  };
}

function newItems(context: Context, { subscription_update_confirm: asked }: Flow): Html[] {
  return (asked?.items ?? []).map(({ price: id, quantity }) => {
    const price = context.store.prices.get(id ?? "");
    const what = price === undefined ? "The same plan" : nameOf(context.store, price);
    return html`<p>
      <strong>${what}</strong> ${price === undefined ? "" : priceText(price)}
      ${quantity === undefined ? "" : `× ${quantity}`}
    </p>`;
  });
}

/** The page after a task, where the session asks for one. */
export function confirmationPage(flow: Flow): Html {
  const { custom_message: message } = flow.after_completion.hosted_confirmation ?? {};
  return pageOf(
    "Done",
    html`<main class="narrow">
      <h1>Done</h1>
      <p>${message ?? "Your change has been made."}</p>
    </main>`,
  );
}

/** True if pressing this button was what the flow was for. */
export function isFlowDone(
  context: Context,
  { customer }: Session,
  flow: Flow,
  step: string,
): boolean {
  const steps: Record<string, string[]> = {
    payment_method_update: ["card", "authenticate"],
    subscription_cancel: ["cancel"],
    subscription_update: ["change"],
    subscription_update_confirm: ["confirm"],
  };
  const isLast = steps[flow.type]?.includes(step) ?? false;
  return isLast && (step !== "card" || askedSetup(context, customer) === undefined);
}
