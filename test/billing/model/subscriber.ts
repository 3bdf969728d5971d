/**
 * What owners do about their subscription, over GraphQL and on Stripe's pages. They are impatient:
 * who gets no answer soon goes away, and what was booked is done without them.
 */
import { setTimeout as delay } from "node:timers/promises";

import { press } from "../../dev/stripe_hosted.ts";
import {
  tryBilling,
  type BillingMutation,
  type BillingRequest,
} from "../../support/billing_requests.ts";
import { accessToken, graphql } from "../../support/client.ts";
import { CARDS, chosen, PLANS, Refused, type Do, type History } from "./history.ts";
import type { World } from "./world.ts";

const PATIENCE_MS = 2_000;
const INTERVALS = ["month", "year", null] as const;

export const IN_BILLING = {
  "check out": async (world, history, choice) => {
    const { url } = await asked(world, history, "createCheckoutSession", {
      plan: chosen(PLANS, choice),
      interval: chosen(["month", "year"], choice),
    });
    // Some look at the page and leave it open.
    if (choice % 5 > 0) await press(url, { step: "pay", card: chosen(CARDS, choice) });
  },
  "look and change plan": async (world, history, choice) => {
    const wanted = { plan: chosen(PLANS, choice), interval: chosen(INTERVALS, choice) };
    const preview = await asked(world, history, "previewPlanChange", wanted);
    await asked(world, history, "changePlan", { ...wanted, previewId: preview.rowId });
  },
  "cancel subscription": (world, history, choice) =>
    asked(world, history, "cancelSubscription", { atPeriodEnd: choice % 3 > 0 }),
  "resume subscription": (world, history) => asked(world, history, "resumeSubscription", {}),
  "open portal": (world, history, choice) =>
    asked(world, history, "createBillingPortalSession", {
      flow: chosen([null, "payment_method_update", "subscription_cancel"], choice),
    }),
} satisfies Record<string, Do>;

/** The request as soon as Stripe has done it; somebody who is refused, or not answered, gives up. */
async function asked(
  world: World,
  { person, tenantId }: History,
  mutation: BillingMutation,
  input: Record<string, unknown>,
): Promise<BillingRequest> {
  const ask = async (query: string, variables?: Record<string, unknown>) => {
    const token = await accessToken(world.url, person, tenantId);
    return graphql(world.url, token, query, variables);
  };
  const answer = await soon(world, tryBilling({ ask }, mutation, input));
  const code = answer.errors[0]?.extensions.code;
  if (code === "INTERNAL") throw new Error(`${mutation}: ${JSON.stringify(answer)}`);
  const payload = answer.data?.[mutation] as { billingRequest: BillingRequest } | null | undefined;
  if (payload?.billingRequest.status !== "done") throw new Refused(`${mutation} came to nothing`);
  return payload.billingRequest;
}

/** The answer, if it comes before whoever asked has gone. The question stays asked. */
async function soon<T>(world: World, answer: Promise<T>): Promise<T> {
  world.errands.push(answer.catch(() => undefined));
  const tired = delay(PATIENCE_MS, undefined, { ref: false }).then(() => {
    throw new Refused("Nobody answered in time");
  });
  const unanswered = answer.catch((error: unknown) => {
    throw new Refused(String(error));
  });
  return Promise.race([unanswered, tired]);
}
