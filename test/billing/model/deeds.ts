/** What people, the dashboard and the operator do in a history. Each may be refused, or fail. */
import Stripe from "stripe";

import { accessToken, graphql, type Person } from "../../support/client.ts";
import { codesOf, confirmPayment, currentTenant, textAt } from "../../support/tenant_life.ts";
import { waitUntil } from "../../support/wait_until.ts";
import type { Deed } from "./plan.ts";
import type { World } from "./world.ts";

/** One tenant's life. */
export type History = {
  number: number;
  person: Person;
  /** Of the click that founds the tenant, however often it is made. */
  key: string;
  plan: string;
  tenantId: string | undefined;
  /** The customers that the dashboard has deleted. */
  deleted: Set<string>;
};

const PLANS = ["starter", "pro", "enterprise"];
const CARDS = [
  "pm_card_visa",
  "pm_card_visa",
  "pm_card_chargeCustomerFail",
  "pm_card_chargeDeclined",
];
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
    throw error;
  }
}

class Refused extends Error {}

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

type Do = (world: World, history: History, choice: number) => Promise<unknown>;

const DO: Record<Exclude<Deed["deed"], "found">, Do> = {
  "click again": async (world, history) => {
    const again = await found(world, history);
    if (again !== history.tenantId) throw new Error(`A second tenant was founded: ${again}`);
  },
  pay: async (world, history, choice) => {
    const { billing } = await shownTenant(world, history);
    if (billing?.clientSecret) await confirmPayment(world, billing.clientSecret, of(CARDS, choice));
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
  "provision again": (world, { tenantId }) =>
    world.admin.query("select app_private.renew_billing_intent($1)", [tenantId]),
  renew: async (world, history, choice) => {
    const { id } = await subscription(world, history);
    const outcome = of(["pay", "fail", undefined], choice);
    await world
      .control(`subscriptions/${id}/renew`, outcome === undefined ? {} : { outcome })
      .catch(refused);
  },
  cancel: async (world, history) => {
    const { id } = await subscription(world, history);
    await world.stripe.subscriptions.cancel(id);
  },
  "schedule cancellation": (world, history) =>
    update(world, history, { cancel_at_period_end: true }),
  "unschedule cancellation": (world, history) =>
    update(world, history, { cancel_at_period_end: false }),
  "pause collection": (world, history, choice) =>
    update(world, history, {
      pause_collection: {
        behavior: of(["keep_as_draft", "mark_uncollectible", "void"] as const, choice),
      },
    }),
  "resume collection": (world, history) => update(world, history, { pause_collection: "" }),
  pause: async (world, history) => {
    const { id } = await subscription(world, history);
    await world.stripe.subscriptions.pause(id);
  },
  resume: async (world, history) => {
    const { id } = await subscription(world, history);
    await world.stripe.subscriptions.resume(id);
  },
  "change plan": async (world, history, choice) => {
    const { items } = await subscription(world, history);
    const { data } = await world.stripe.prices.list({
      lookup_keys: [`${of(PLANS, choice)}_${choice % 2 === 0 ? "month" : "year"}`],
    });
    await update(world, history, {
      items: [{ id: items.data[0]?.id ?? "", price: data[0]?.id ?? "" }],
      proration_behavior: of(["create_prorations", "none", "always_invoice"] as const, choice),
    });
  },
  "pay invoice": async (world, history) => world.stripe.invoices.pay(await owed(world, history)),
  "void invoice": async (world, history) =>
    world.stripe.invoices.voidInvoice(await owed(world, history)),
  "write off invoice": async (world, history) =>
    world.stripe.invoices.markUncollectible(await owed(world, history)),
  refund: async (world, history) => {
    const { data } = await world.stripe.charges.list({ customer: await customer(world, history) });
    await world.stripe.refunds.create({ charge: data[0]?.id ?? "ch_none" });
  },
  "change card": async (world, history, choice) => {
    const id = await customer(world, history);
    const method = await world.stripe.paymentMethods.attach(of(CARDS, choice), { customer: id });
    await world.stripe.customers.update(id, {
      invoice_settings: { default_payment_method: method.id },
    });
  },
  "delete customer": async (world, history, choice) => {
    // Seldom: nothing happens to a tenant afterwards but being provisioned again.
    if (choice % 3 > 0) return;
    const id = await customer(world, history);
    await world.stripe.customers.del(id);
    history.deleted.add(id);
  },
};

function of<T>(values: readonly T[], choice: number): T {
  return values[choice % values.length] as T;
}

function refused(error: unknown): never {
  throw new Refused(String(error));
}

/** The tenant's customer, as somebody finds it in the dashboard. */
export async function customersOf({ stripe }: World, tenantId: string | undefined) {
  const { data } = await stripe.customers.search({
    query: `metadata['tenant_id']:'${tenantId}'`,
    limit: 100,
  });
  return data;
}

async function customer(world: World, { tenantId }: History): Promise<string> {
  const [first] = await customersOf(world, tenantId);
  if (first === undefined) throw new Refused("There is no customer yet");
  return first.id;
}

async function subscription(world: World, history: History): Promise<Stripe.Subscription> {
  const { data } = await world.stripe.subscriptions.list({
    customer: await customer(world, history),
    status: "all",
    limit: 1,
  });
  const [newest] = data;
  if (newest === undefined) throw new Refused("There is no subscription yet");
  return newest;
}

async function update(
  world: World,
  history: History,
  change: Stripe.SubscriptionUpdateParams,
): Promise<void> {
  const { id } = await subscription(world, history);
  await world.stripe.subscriptions.update(id, change);
}

async function owed(world: World, history: History): Promise<string> {
  const { data } = await world.stripe.invoices.list({
    customer: await customer(world, history),
    status: "open",
  });
  const [open] = data;
  if (open?.id === undefined) throw new Refused("Nothing is owed");
  return open.id;
}
