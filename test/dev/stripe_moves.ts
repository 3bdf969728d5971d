/** What may happen to a subscription, move by move; Stripe may refuse any of it with a 4xx. */
import { Stripe } from "stripe";

import { idOf } from "../../dev/stripe/store.ts";
import { makeCardholder } from "./stripe_support.ts";
import type { Emulated } from "./stripe_support.ts";

const DAY = 86_400;
const CARDS = ["pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"];
const PRORATIONS = ["create_prorations", "none", "always_invoice"] as const;
const BEHAVIORS = [
  "allow_incomplete",
  "default_incomplete",
  "error_if_incomplete",
  "pending_if_incomplete",
] as const;

/** The kinds of moves, the commonest more than once. */
export const MOVES = [
  "advance",
  "advance",
  "advance",
  "subscribe",
  "change",
  "change",
  "card",
  "pay",
  "void",
  "cancel",
  "collection",
  "pause",
  "resume",
  "discount",
] as const;
export type Move = { kind: (typeof MOVES)[number]; choice: number };

/** One customer's life with Stripe. */
export type Life = Emulated & {
  customer: string;
  prices: string[];
  coupon: string;
  /** The subscriptions that were paused at some time. */
  paused: Set<string>;
  /** The emulator's time after the latest advance; 0 before any. */
  now: number;
};

/** A new customer with a card, and the prices there are. */
export async function makeLife(emulated: Emulated): Promise<Life> {
  const { stripe } = emulated;
  const product = await stripe.products.create({ name: "Pro" });
  const priced = (unit_amount: number, interval: "month" | "year") =>
    stripe.prices.create({
      product: product.id,
      currency: "usd",
      unit_amount,
      recurring: { interval },
    });
  const prices = [
    await priced(1900, "month"),
    await priced(333, "month"),
    await priced(9_999, "year"),
  ];
  const customer = await makeCardholder(stripe);
  const coupon = await stripe.coupons.create({ percent_off: 33, duration: "once" });
  return {
    ...emulated,
    customer: customer.id,
    prices: prices.map((price) => price.id),
    coupon: coupon.id,
    paused: new Set(),
    now: 0,
  };
}

/** Makes a move. A refusal is a fine answer; a breakdown is not. */
export async function applyMove(life: Life, move: Move): Promise<void> {
  try {
    await DO[move.kind](life, move.choice);
  } catch (error) {
    const status = error instanceof Stripe.errors.StripeError ? (error.statusCode ?? 500) : 500;
    if (status >= 500) throw error;
  }
}

/** A digit of the choice, so that one number decides several things. */
function digit(choice: number, place: number): number {
  return Math.floor(choice / 10 ** place) % 10;
}

function pick<T>(values: readonly T[], choice: number): T {
  const value = values[choice % values.length];
  if (value === undefined) throw new Error("nothing to choose from");
  return value;
}

async function current({ stripe, customer }: Life): Promise<Stripe.Subscription> {
  const { data } = await stripe.subscriptions.list({ customer, status: "all", limit: 1 });
  return data[0] ?? stripe.subscriptions.retrieve("sub_none");
}

async function unpaid({ stripe, customer }: Life): Promise<string> {
  const { data } = await stripe.invoices.list({ customer, status: "open" });
  return data[0]?.id ?? "in_none";
}

const DO: Record<Move["kind"], (life: Life, choice: number) => Promise<unknown>> = {
  advance: async (life, choice) => {
    const seconds = pick([3700, DAY, 4 * DAY, 15 * DAY, 32 * DAY], choice);
    const answer = await life.control("advance", { seconds });
    if (typeof answer === "object" && answer !== null && "now" in answer) {
      life.now = Number(answer.now);
    }
  },
  subscribe: ({ stripe, customer, prices }, choice) =>
    stripe.subscriptions.create({
      customer,
      items: [{ price: pick(prices, choice), quantity: (digit(choice, 1) % 3) + 1 }],
      payment_behavior: pick(BEHAVIORS.slice(0, 3), digit(choice, 2)),
      ...(digit(choice, 3) < 6 ? {} : { trial_period_days: digit(choice, 3) }),
    }),
  change: async (life, choice) => {
    const subscription = await current(life);
    const id = subscription.items.data[0]?.id ?? "";
    const change = pick(
      [{ quantity: (choice % 4) + 1 }, { price: pick(life.prices, choice) }],
      digit(choice, 1),
    );
    return life.stripe.subscriptions.update(subscription.id, {
      items: [{ id, ...change }],
      proration_behavior: pick(PRORATIONS, digit(choice, 2)),
      payment_behavior: pick(BEHAVIORS, digit(choice, 3)),
      ...(choice % 10 === 9 ? { billing_cycle_anchor: { type: "now" } } : {}),
    });
  },
  card: async ({ stripe, customer }, choice) => {
    const card = await stripe.paymentMethods.attach(pick(CARDS, choice), { customer });
    const invoice_settings = { default_payment_method: card.id };
    return stripe.customers.update(customer, { invoice_settings });
  },
  pay: async (life) =>
    life.stripe.invoices.pay(await unpaid(life), { payment_method: "pm_card_visa" }),
  void: async (life) => life.stripe.invoices.voidInvoice(await unpaid(life)),
  cancel: async (life, choice) => {
    const { id } = await current(life);
    if (choice % 2 === 0)
      return life.stripe.subscriptions.cancel(id, {
        prorate: digit(choice, 1) > 5,
        invoice_now: digit(choice, 2) > 5,
      });
    return life.stripe.subscriptions.update(id, { cancel_at_period_end: digit(choice, 1) > 3 });
  },
  collection: async (life, choice) => {
    const behavior = pick(["keep_as_draft", "mark_uncollectible", "void"] as const, choice);
    return life.stripe.subscriptions.update((await current(life)).id, {
      pause_collection: digit(choice, 1) > 5 ? "" : { behavior },
    });
  },
  pause: async (life) => {
    const { id } = await life.stripe.subscriptions.pause((await current(life)).id);
    life.paused.add(id);
  },
  resume: async (life, choice) =>
    life.stripe.subscriptions.resume((await current(life)).id, {
      billing_cycle_anchor: { type: choice % 2 === 0 ? "now" : "unchanged" },
      payment_behavior: pick(
        ["resume_on_payment_attempt", "resume_on_payment_success"] as const,
        digit(choice, 1),
      ),
    }),
  discount: async (life) =>
    life.stripe.subscriptions.update(idOf(await current(life)), {
      discounts: [{ coupon: life.coupon }],
    }),
};
