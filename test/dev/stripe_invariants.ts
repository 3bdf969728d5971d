/** What Stripe's documentation rules out, each told by the objects that break it. */
import type { Stripe } from "stripe";

import { idOf } from "../../dev/stripe/store.ts";
import { allEvents } from "./stripe_support.ts";
import type { Life } from "./stripe_moves.ts";

type Invariant = (life: Life) => Promise<unknown[]>;

/** By what must hold. */
export const INVARIANTS: Record<string, Invariant> = {
  "one period is billed by one open invoice at most": async (life) => {
    const open = (await invoicesOf(life)).filter((invoice) => invoice.status === "open");
    const periods = open.flatMap((invoice) => wholePeriods(invoice));
    return periods.filter((period, index) => periods.indexOf(period) !== index);
  },

  "a subscription is active only when its first invoice is paid for, or there was nothing to pay":
    async (life) => {
      const invoices = await invoicesOf(life);
      const live = (await subscriptionsOf(life)).filter((each) => each.status === "active");
      return live
        .map((subscription) => firstInvoice(invoices, subscription.id))
        .filter((first) => first?.status !== "paid");
    },

  "an incomplete subscription has waited for less than 23 hours": async (life) => {
    const late = (each: Stripe.Subscription) => life.now > each.created + 23 * 3600 + 5;
    return (await subscriptionsOf(life)).filter(
      (each) => each.status === "incomplete" && late(each),
    );
  },

  "an invoice's amounts add up": async (life) =>
    (await invoicesOf(life)).filter((invoice) => !addsUp(invoice)),

  "no period of an item is renewed into twice": async (life) => {
    const renewals = (await invoicesOf(life)).filter(
      (invoice) => invoice.billing_reason === "subscription_cycle",
    );
    const periods = renewals.flatMap(wholePeriods);
    return periods.filter((period, index) => periods.indexOf(period) !== index);
  },

  "the next period begins where the last one ended, or cuts it short": async (life) => {
    const events = await allEvents(life.stripe);
    return (await subscriptionsOf(life)).flatMap((subscription) => {
      if (life.paused.has(subscription.id)) return [];
      const own = events.filter((event) => isAbout(event, subscription.id));
      const periods = own.map((event) => periodIn(event)).filter((each) => each !== undefined);
      return periods.slice(1).filter((period, index) => {
        const { start = 0, end = 0 } = periods[index] ?? {};
        return period.start < start || period.start > end;
      });
    });
  },

  "an item's period is not empty, and a running subscription's is not over": async (life) => {
    return (await subscriptionsOf(life)).filter(
      ({ items, status }) =>
        items.data.some((item) => item.current_period_end <= item.current_period_start) ||
        (["active", "trialing", "past_due"].includes(status) &&
          items.data.some((item) => item.current_period_end < life.now)),
    );
  },

  "each event shows its object as it was: the changes told lead to what is there now": async (
    life,
  ) => {
    const events = await allEvents(life.stripe);
    return (await subscriptionsOf(life)).flatMap((subscription): unknown[] => {
      const own = events.filter((event) => isAbout(event, subscription.id));
      const last = own.at(-1)?.data.object;
      // Events are kept for thirty days.
      if (last === undefined) return [];
      const breaks = own.slice(1).filter((event, index) => !follows(own[index], event));
      return JSON.stringify(last) === JSON.stringify(subscription) ? breaks : [last, subscription];
    });
  },

  "an ended subscription stays as it ended, and collects nothing": async (life) => {
    const events = await allEvents(life.stripe);
    const ended = (await subscriptionsOf(life)).filter((each) => each.ended_at !== null);
    return ended.filter((each) => {
      const statuses = events
        .filter((event) => isAbout(event, each.id))
        .map((event) => ("status" in event.data.object ? event.data.object.status : null));
      const first = statuses.indexOf(each.status);
      return statuses.slice(first).some((status) => status !== each.status);
    });
  },
};

async function invoicesOf({ stripe, customer }: Life): Promise<Stripe.Invoice[]> {
  return stripe.invoices.list({ customer, limit: 100 }).autoPagingToArray({ limit: 1000 });
}

async function subscriptionsOf({ stripe, customer }: Life): Promise<Stripe.Subscription[]> {
  return (await stripe.subscriptions.list({ customer, status: "all", limit: 100 })).data;
}

function firstInvoice(invoices: Stripe.Invoice[], id: string): Stripe.Invoice | undefined {
  return invoices.find(
    (invoice) =>
      invoice.billing_reason === "subscription_create" &&
      idOf(invoice.parent?.subscription_details?.subscription ?? "") === id,
  );
}

function wholePeriods(invoice: Stripe.Invoice): string[] {
  return invoice.lines.data
    .map((line) => ({ ...line.period, ...line.parent?.subscription_item_details }))
    .filter((line) => line.proration === false)
    .map((line) => `${line.subscription_item} ${line.start}`);
}

function addsUp(invoice: Stripe.Invoice): boolean {
  const { lines, subtotal, total, amount_due: due, amount_paid: paid } = invoice;
  const sum = lines.data.reduce((all, line) => all + line.amount, 0);
  const off = (invoice.total_discount_amounts ?? []).reduce((all, each) => all + each.amount, 0);
  const offLines = lines.data
    .flatMap((line) => line.discount_amounts ?? [])
    .reduce((all, each) => all + each.amount, 0);
  return (
    sum === subtotal &&
    off === offLines &&
    total === subtotal - off &&
    due === Math.max(0, total + invoice.starting_balance) &&
    invoice.amount_remaining === due - paid &&
    (invoice.status === "paid") === (paid === due && invoice.status_transitions.paid_at !== null)
  );
}

function isAbout(event: Stripe.Event, id: string): boolean {
  const object: object = event.data.object;
  return event.type.startsWith("customer.subscription.") && "id" in object && object.id === id;
}

/** The period of a subscription's only item, as an event shows it. */
function periodIn(event: Stripe.Event): { start: number; end: number } | undefined {
  const { object } = event.data;
  const [item] = object.object === "subscription" ? object.items.data : [];
  return item && { start: item.current_period_start, end: item.current_period_end };
}

/** An update tells all that changed since the event before it; other news changes nothing. */
function follows(before: Stripe.Event | undefined, event: Stripe.Event): boolean {
  if (event.type === "customer.subscription.deleted") return true;
  const was: Record<string, unknown> = { ...before?.data.object };
  const is: Record<string, unknown> = { ...event.data.object };
  const told = Object.keys(event.data.previous_attributes ?? {}).toSorted();
  const changed = [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
    .toSorted();
  return JSON.stringify(told) === JSON.stringify(changed);
}
