/** What happens at Stripe: in its dashboard, by its SDK, and by the calendar. */
import type Stripe from "stripe";

import { CARDS, chosen, PLANS, Refused, type Do, type History } from "./history.ts";
import type { World } from "./world.ts";

export const AT_STRIPE = {
  renew: async (world, history, choice) => {
    const { id } = await subscription(world, history);
    const outcome = chosen(["pay", "fail", undefined], choice);
    await world
      .control(`subscriptions/${id}/renew`, outcome === undefined ? {} : { outcome })
      .catch((error: unknown) => {
        throw new Refused(String(error));
      });
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
        behavior: chosen(["keep_as_draft", "mark_uncollectible", "void"] as const, choice),
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
      lookup_keys: [`${chosen(PLANS, choice)}_${choice % 2 === 0 ? "month" : "year"}`],
    });
    await update(world, history, {
      items: [{ id: items.data[0]?.id ?? "", price: data[0]?.id ?? "" }],
      proration_behavior: chosen(["create_prorations", "none", "always_invoice"] as const, choice),
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
    const method = await world.stripe.paymentMethods.attach(chosen(CARDS, choice), {
      customer: id,
    });
    await world.stripe.customers.update(id, {
      invoice_settings: { default_payment_method: method.id },
    });
  },
  "delete customer": async (world, history, choice) => {
    // Seldom: nothing happens to a tenant afterwards but being provisioned again.
    if (choice % 3 > 0) return;
    const id = await customer(world, history);
    // Before, because what is answered by a planned failure is done all the same.
    history.deleted.add(id);
    await world.stripe.customers.del(id);
  },
} satisfies Record<string, Do>;

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
