/**
 * What a tenant must be, worked out from what Stripe has: once more and in another language, so
 * that a mistake in db/ is not made here too.
 */
import type Stripe from "stripe";

import type { CurrentTenant } from "../../support/tenant_life.ts";
import { customersOf } from "./dashboard.ts";
import type { History } from "./history.ts";
import type { World } from "./world.ts";

type Access = "none" | "read_only" | "full";
type Shown = Pick<CurrentTenant, "status" | "access" | "plan"> & {
  periodEnd: number | null;
  cancelAt: number | null;
  graceEndsAt: number | null;
  customer: string | null;
  subscription: string | null;
};

export type Verdict = { wanted: Partial<Shown>; shown: Partial<Shown>; faults: string[] };

const LEVELS: readonly Access[] = ["none", "read_only", "full"];

/** Compares what its owner is shown with what Stripe has. */
export async function judge(
  world: World,
  history: History,
  tenant: CurrentTenant,
): Promise<Verdict> {
  const customers = await customersOf(world, history.tenantId);
  const subscriptions = (
    await Promise.all(customers.map(({ id }) => subscriptionsOf(world, id)))
  ).flat();
  const faults: string[] = [];
  if (customers.length > 1) faults.push(`${customers.length} customers`);
  if (customers.length === 0 && history.deleted.size === 0) faults.push("no customer");
  const live = subscriptions.filter(({ status }) => !ENDED.has(status));
  if (live.length > 1) {
    const told = live.map(({ id, status, created, metadata }) => [id, status, created, metadata]);
    faults.push(`${live.length} live subscriptions: ${JSON.stringify(told)}`);
  }

  const wanted =
    customers[0] === undefined
      ? { access: "none" as const }
      : await wantedFor(world, customers[0].id, subscriptions);
  const all = shown(tenant);
  const compared = Object.fromEntries(
    Object.keys(wanted).map((key) => [key, Reflect.get(all, key)]),
  ) as Partial<Shown>;
  for (const [key, value] of Object.entries(wanted)) {
    const is: unknown = Reflect.get(all, key);
    if (is !== value) faults.push(`${key} is ${String(is)} and not ${String(value)}`);
  }
  return { wanted, shown: compared, faults };
}

const ENDED: ReadonlySet<string> = new Set(["canceled", "incomplete_expired"]);

async function wantedFor(
  world: World,
  customer: string,
  subscriptions: readonly Stripe.Subscription[],
): Promise<Partial<Shown>> {
  const { data: invoices } = await world.stripe.invoices.list({ customer, limit: 100 });
  const judged = subscriptions.map((subscription) => {
    const since = overdueSince(subscription, invoices);
    const graceEndsAt = since === null ? null : since + world.gracePeriodDays * 86_400;
    return { subscription, graceEndsAt, ...meaning(subscription, graceEndsAt) };
  });
  const [best] = judged.toSorted(
    (a, b) =>
      LEVELS.indexOf(b.access) - LEVELS.indexOf(a.access) ||
      Number(ENDED.has(a.subscription.status)) - Number(ENDED.has(b.subscription.status)) ||
      b.subscription.created - a.subscription.created ||
      (b.subscription.id > a.subscription.id ? 1 : -1),
  );
  if (best === undefined) return { access: "none", customer };
  const { subscription, status, access, graceEndsAt } = best;
  const items = subscription.items.data;
  const periodEnd = Math.min(...items.map((item) => item.current_period_end));
  return {
    status,
    access,
    plan: String(items[0]?.price.lookup_key).replace(/_(month|year)$/, ""),
    periodEnd,
    cancelAt: subscription.cancel_at ?? (subscription.cancel_at_period_end ? periodEnd : null),
    customer,
    subscription: subscription.id,
    // A debt without an invoice that is open is known by when it was seen first, which is ours.
    ...(subscription.status === "past_due" && graceEndsAt === null ? {} : { graceEndsAt }),
  };
}

function meaning(
  { status, status_details: details }: Stripe.Subscription,
  graceEndsAt: number | null,
): { status: string; access: Access } {
  switch (status) {
    case "trialing":
    case "active":
      return { status, access: "full" };
    case "past_due": {
      const isInGrace = graceEndsAt === null || Date.now() / 1000 < graceEndsAt;
      return isInGrace
        ? { status: "past_due", access: "full" }
        : { status: "suspended", access: "none" };
    }
    case "paused": {
      const reason = details?.paused?.subscription?.type ?? "pause_requested";
      const isChosen = ["pause_requested", "trial_end_without_payment_method"].includes(reason);
      return { status: "suspended", access: isChosen ? "read_only" : "none" };
    }
    case "incomplete":
    case "incomplete_expired":
      return { status: "incomplete", access: "none" };
    default:
      return { status: "suspended", access: "none" };
  }
}

/** Since when it has owed what it owes now: what was open before a payment is another debt (S28). */
function overdueSince(
  { id, status }: Stripe.Subscription,
  newestFirst: readonly Stripe.Invoice[],
): number | null {
  if (status !== "past_due") return null;
  const own = newestFirst.filter(
    (invoice) =>
      invoice.parent?.subscription_details?.subscription === id && invoice.status !== "draft",
  );
  const settled = own.findIndex((invoice) => invoice.status !== "open");
  const owed = settled === -1 ? own : own.slice(0, settled);
  const finalized = owed.map((invoice) => invoice.status_transitions.finalized_at ?? Infinity);
  return finalized.length === 0 ? null : Math.min(...finalized);
}

async function subscriptionsOf(
  { stripe }: World,
  customer: string,
): Promise<Stripe.Subscription[]> {
  const { data } = await stripe.subscriptions.list({ customer, status: "all", limit: 100 });
  return data;
}

function shown({ billing, ...tenant }: CurrentTenant): Shown {
  const seconds = (time: string | null) => (time === null ? null : Date.parse(time) / 1000);
  return {
    status: tenant.status,
    access: tenant.access,
    plan: tenant.plan,
    periodEnd: seconds(tenant.currentPeriodEnd),
    cancelAt: seconds(tenant.cancelAt),
    graceEndsAt: seconds(tenant.graceEndsAt),
    customer: billing?.stripeCustomerId ?? null,
    subscription: billing?.stripeSubscriptionId ?? null,
  };
}
