/** What happens to a tenant between its founding and its end, over HTTP alone. */
import { accessToken, graphql, signUp, type GraphQLAnswer, type Person } from "./client.ts";
import type { RunningSystem } from "./running_system.ts";
import { waitUntil } from "./wait_until.ts";

/** A person who acts in a tenant: `ask` sends GraphQL with their token. */
export type Member = {
  person: Person;
  tenantId: string;
  token: string;
  ask(query: string, variables?: Record<string, unknown>): Promise<GraphQLAnswer>;
};

export type CurrentTenant = {
  rowId: string;
  name: string;
  plan: string;
  status: string;
  access: string;
  accessReason: string;
  currentPeriodStart: string | null;
  currentPeriodEnd: string | null;
  cancelAt: string | null;
  graceEndsAt: string | null;
  trialEndsAt: string | null;
  accessUntil: string | null;
  billing: {
    stripeCustomerId: string | null;
    stripeSubscriptionId: string | null;
    clientSecret: string | null;
  } | null;
};

const CURRENT_TENANT = `query {
  currentTenant {
    rowId name plan status access accessReason
    currentPeriodStart currentPeriodEnd cancelAt graceEndsAt trialEndsAt accessUntil
    billing { stripeCustomerId stripeSubscriptionId clientSecret }
  }
}`;

/** Signs up somebody who founds a tenant; it waits for Stripe yet. */
export async function foundTenant(
  { url }: RunningSystem,
  { name, person: personName, plan = "pro" }: { name: string; person: string; plan?: string },
): Promise<Member & { founded: GraphQLAnswer }> {
  const person = await signUp(url, personName);
  const between = await accessToken(url, person);
  const founded = await graphql(
    url,
    between,
    `
      mutation ($name: String!, $plan: String!) {
        createTenant(input: { name: $name, plan: $plan }) {
          tenant {
            id
            rowId
            name
            plan
            status
          }
        }
      }
    `,
    { name, plan },
  );
  const tenantId = textAt(founded.data, "createTenant", "tenant", "rowId");
  const token = await accessToken(url, person, tenantId);
  const ask: Member["ask"] = (query, variables) => graphql(url, token, query, variables);
  return { person, tenantId, token, ask, founded };
}

/** Founds a tenant and pays for it: what most journeys start with. */
export async function foundPaidTenant(
  running: RunningSystem,
  who: { name: string; person: string; plan?: string },
): Promise<Member> {
  const member = await foundTenant(running, who);
  const { billing } = await tenantOnce(member, ({ status }) => status === "incomplete");
  await confirmPayment(running, billing?.clientSecret, "pm_card_visa");
  await tenantOnce(member, ({ status }) => status === "active");
  return member;
}

/** The answer to currentTenant, whole. */
export async function currentTenant({ ask }: Pick<Member, "ask">): Promise<CurrentTenant> {
  const { data, errors } = await ask(CURRENT_TENANT);
  if (errors.length > 0) throw new Error(`currentTenant failed: ${JSON.stringify(errors)}`);
  return data?.["currentTenant"] as CurrentTenant;
}

/** The tenant as soon as it is as wanted; what the worker does takes its time. */
export async function tenantOnce(
  member: Pick<Member, "ask">,
  isWanted: (tenant: CurrentTenant) => boolean,
): Promise<CurrentTenant> {
  let last: CurrentTenant | undefined;
  try {
    return await waitUntil(
      async () => {
        last = await currentTenant(member);
        return isWanted(last) ? last : undefined;
      },
      { deadlineMs: 15_000, everyMs: 30 },
    );
  } catch (error) {
    throw new Error(`The tenant stayed ${JSON.stringify(last)}`, { cause: error });
  }
}

/** What Stripe.js does with a client secret and a card. */
export async function confirmPayment(
  { stripeUrl }: RunningSystem,
  clientSecret: string | null | undefined,
  card: string,
): Promise<{ status: number; body: { status?: string; error?: { code: string } } }> {
  const [intentId] = String(clientSecret).split("_secret_");
  const response = await fetch(`${stripeUrl}/v1/payment_intents/${intentId}/confirm`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("sk_test_journey:")}` },
    body: new URLSearchParams({ payment_method: card }),
    signal: AbortSignal.timeout(15_000),
  });
  return { status: response.status, body: (await response.json()) as { status?: string } };
}

/** Tells the emulator what happens at Stripe (dev/stripe/control.ts). */
export async function atStripe(
  { stripeUrl }: RunningSystem,
  path: string,
  body: object,
): Promise<unknown> {
  const response = await fetch(`${stripeUrl}/_emulator/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  if (!response.ok)
    throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/**
 * Delivers every webhook of all time again, twice and out of order, and returns the statuses the
 * server answered. When it returns, whatever jobs that made have been worked on: a tenant founded
 * afterwards has got through the queue.
 */
export async function deliverAllAgain(
  running: RunningSystem,
  how: { order: "forward" | "reverse" | "shuffle"; seed?: number },
): Promise<number[]> {
  const answer = (await atStripe(running, "deliveries/redeliver", { times: 2, ...how })) as {
    deliveries: { status: number }[];
  };
  const last = await foundTenant(running, { name: "Last in the queue", person: "Last" });
  await tenantOnce(last, ({ status }) => status === "incomplete");
  return [...new Set(answer.deliveries.map(({ status }) => status))];
}

/** A text deep in an answer; throws when it is not there. */
export function textAt(answer: unknown, ...path: string[]): string {
  let value = answer;
  for (const key of path) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }
  if (typeof value === "string") return value;
  throw new Error(`No text at ${path.join(".")} of ${JSON.stringify(answer)}`);
}

/** The code of each error of an answer. */
export function codesOf({ errors }: Pick<GraphQLAnswer, "errors">): string[] {
  return errors.map(({ extensions }) => extensions.code);
}
