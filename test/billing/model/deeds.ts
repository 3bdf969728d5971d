/** What people, the dashboard and the operator do in a history. Each may be refused, or fail. */
import pg from "pg";
import Stripe from "stripe";

import { accessToken, graphql } from "../../support/client.ts";
import { codesOf, confirmPayment, currentTenant, textAt } from "../../support/tenant_life.ts";
import { waitUntil } from "../../support/wait_until.ts";
import { AT_STRIPE } from "./dashboard.ts";
import { CARDS, chosen, Refused, type Do, type History } from "./history.ts";
import type { Deed } from "./plan.ts";
import { IN_BILLING } from "./subscriber.ts";
import type { World } from "./world.ts";

/** As long as a server needs that was just killed. */
const PATIENCE_MS = 60_000;

/** Does it. What Stripe or the API refuses is a fine answer; that nobody answers is not. */
export async function perform(world: World, history: History, what: Deed): Promise<void> {
  if (what.deed === "found") {
    history.tenantId = await found(world, history);
    return;
  }
  try {
    await DO[what.deed](world, history, what.choice);
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError || error instanceof Refused) return;
    // A planned failure cuts off people at Stripe's pages too.
    if (error instanceof TypeError && error.message === "fetch failed") return;
    throw error;
  }
}

/** Clicks until there is an answer: the same key, so the same tenant. */
async function found(world: World, { person, key, plan, number }: History): Promise<string> {
  const { data, errors } = await untilAnswered(async () => {
    const token = await accessToken(world.url, person);
    return graphql(
      world.url,
      token,
      `
        mutation ($name: String!, $plan: String!, $key: String!) {
          createTenant(input: { name: $name, plan: $plan, idempotencyKey: $key }) {
            tenant {
              rowId
            }
          }
        }
      `,
      { name: `Tenant ${number}`, plan, key },
    );
  });
  if (errors.length > 0) throw new Error(`createTenant: ${JSON.stringify(errors)}`);
  return textAt(data, "createTenant", "tenant", "rowId");
}

/** GraphQL as the tenant's owner, asked until a server answers. */
export async function ask(
  { url }: World,
  { person, tenantId }: History,
  query: string,
  variables: Record<string, unknown> = {},
) {
  const answer = await untilAnswered(async () => {
    const token = await accessToken(url, person, tenantId);
    return graphql(url, token, query, variables);
  });
  if (codesOf(answer).includes("INTERNAL")) throw new Error(`${query}: ${JSON.stringify(answer)}`);
  return answer;
}

/** What the tenant is to its owner. */
export function shownTenant(world: World, history: History) {
  return currentTenant({ ask: (query, variables) => ask(world, history, query, variables) });
}

async function untilAnswered<T>(work: () => Promise<T>): Promise<T> {
  let last: unknown;
  try {
    const attempt = () =>
      work().then(
        (answer) => ({ answer }),
        (error: unknown) => {
          last = error;
          return undefined;
        },
      );
    const { answer } = await waitUntil(attempt, { deadlineMs: PATIENCE_MS, everyMs: 50 });
    return answer;
  } catch (error) {
    throw new Error(`Nobody answered: ${String(last)}`, { cause: error });
  }
}

const DO: Record<Exclude<Deed["deed"], "found">, Do> = {
  ...AT_STRIPE,
  ...IN_BILLING,
  "click again": async (world, history) => {
    const again = await found(world, history);
    if (again !== history.tenantId) throw new Error(`A second tenant was founded: ${again}`);
  },
  pay: async (world, history, choice) => {
    const { billing } = await shownTenant(world, history);
    if (billing?.clientSecret)
      await confirmPayment(world, billing.clientSecret, chosen(CARDS, choice));
  },
  consume: (world, history, choice) =>
    ask(
      world,
      history,
      `mutation ($key: String!) {
        consumeFeature(input: { feature: "apiCalls", amount: 1, idempotencyKey: $key }) { entitlement { used } }
      }`,
      { key: `key-${choice}` },
    ),
  invite: (world, history, choice) =>
    ask(
      world,
      history,
      `mutation ($email: String!) { inviteMember(input: { email: $email, role: "member" }) { invitation { rowId } } }`,
      { email: `guest-${choice}@example.com` },
    ),
  rename: async (world, history, choice) => {
    await world.admin.query("update app_public.tenants set name = $2 where id = $1", [
      history.tenantId,
      `Renamed ${choice}`,
    ]);
    await world.admin.query("update auth.users set email = $2 where id = $1", [
      history.person.id,
      `${history.person.id}-${choice}@example.com`,
    ]);
  },
  "provision again": async (world, history) => {
    const provision = "select app_private.renew_billing_intent($1)";
    await world.admin.query(provision, [history.tenantId]).catch((error: unknown) => {
      // A page to subscribe on is being made: the operator is told to try again later.
      if (error instanceof pg.DatabaseError && error.code === "CNFLT")
        throw new Refused(String(error));
      throw error;
    });
  },
};
