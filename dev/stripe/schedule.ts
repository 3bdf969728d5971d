import type { Context } from "./context.ts";
import { emit } from "./events.ts";
import { catchUp, isOnClock } from "./resources/checkout_state.ts";
import { collect, finalizeAndCollect } from "./resources/collection.ts";
import { debitFor, endDebit, waitsForBank } from "./resources/debits.ts";
import { resumeCollection } from "./resources/pause_collection.ts";
import { dropPending } from "./resources/pending_updates.ts";
import { isRenewable, nextRenewal } from "./resources/periods_of.ts";
import { endPeriod } from "./resources/renewal.ts";
import { giveUpResumption, RESUMPTION_WINDOW } from "./resources/resumptions.ts";
import { announceUpcoming, upcomingNotice } from "./resources/upcoming.ts";
import { cancelNow, expire, isEnded } from "./resources/subscription_lifecycle.ts";

/** Something that Stripe does by itself at a certain time. */
type Due = { at: number; run(context: Context): void };

const HOUR = 3600;
const FIRST_PAYMENT_WINDOW = 23 * HOUR;
const TRIAL_NOTICE = 3 * 24 * HOUR;
const MAX_STEPS = 100_000;

/**
 * Does everything that is due up to `until`, in order, each at its own time. What is on a test clock
 * waits for that clock, and nothing else goes by it.
 */
export function runDue(context: Context, until: number, testClock: string | null = null): number {
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const next = earliest(context, until, testClock);
    if (next === undefined) return steps;
    const at = Math.max(next.at, context.clock.now());
    const clock = { now: () => at };
    next.run(testClock === null ? { ...context, clock, account: clock } : { ...context, clock });
  }
  throw new Error(
    `more than ${MAX_STEPS} things fall due before ${until}: advance in smaller steps`,
  );
}

function earliest(context: Context, until: number, testClock: string | null): Due | undefined {
  let first: Due | undefined;
  for (const due of [
    ...dueInvoices(context, testClock),
    ...dueSubscriptions(context, testClock),
    ...dueSessions(context, testClock),
  ]) {
    if (due.at <= until && (first === undefined || due.at < first.at)) first = due;
  }
  return first;
}

function* dueInvoices(context: Context, testClock: string | null): Generator<Due> {
  const { store } = context;
  for (const invoice of store.invoices.values()) {
    if (invoice.test_clock !== testClock) continue;
    const debit = store.debits.size === 0 ? undefined : debitFor(context, invoice);
    if (debit !== undefined) yield { at: debit.at, run: (then) => void endDebit(then, invoice) };
    const { automatically_finalizes_at: finalizesAt, next_payment_attempt: retryAt } = invoice;
    if (invoice.status === "draft" && finalizesAt !== null) {
      yield { at: finalizesAt, run: (then) => finalizeAndCollect(then, invoice) };
    }
    if (invoice.status === "open" && retryAt !== null) {
      const how = { offSession: true, automatic: true };
      yield { at: retryAt, run: (then) => void collect(then, invoice, how) };
    }
  }
}

function* dueSessions({ store }: Context, testClock: string | null): Generator<Due> {
  for (const session of store.checkoutSessions.values()) {
    if (session.status !== "open" || !isOnClock(store, session, testClock)) continue;
    yield { at: session.expires_at, run: (context) => catchUp(context, session) };
  }
}

/** Of two things at the same time the first one here goes first: an end precedes a renewal. */
function* dueSubscriptions(context: Context, testClock: string | null): Generator<Due> {
  const { store } = context;
  for (const subscription of store.subscriptions.values()) {
    if (subscription.test_clock !== testClock) continue;
    if (subscription.status === "incomplete" && !waitsForBank(context, subscription)) {
      const at = subscription.created + FIRST_PAYMENT_WINDOW;
      yield { at, run: (then) => expire(then, subscription) };
    }
    if (subscription.pending_update !== null) {
      const at = subscription.pending_update.expires_at;
      yield { at, run: (then) => dropPending(then, subscription) };
    }
    const resumption = store.resumptions.get(subscription.id);
    if (resumption !== undefined) {
      const at = resumption.at + RESUMPTION_WINDOW;
      yield { at, run: (then) => giveUpResumption(then, resumption) };
    }
    const resumesAt = subscription.pause_collection?.resumes_at ?? null;
    if (resumesAt !== null && !isEnded(subscription)) {
      yield { at: resumesAt, run: (then) => resumeCollection(then, subscription) };
    }
    if (subscription.cancel_at !== null && !isEnded(subscription)) {
      const at = subscription.cancel_at;
      yield { at, run: (then) => cancelNow(then, subscription, "cancellation_requested") };
    }
    if (!isRenewable(subscription)) continue;
    const notice = `trial_will_end:${subscription.id}:${subscription.trial_end}`;
    if (subscription.status === "trialing" && !store.notices.has(notice)) {
      yield {
        at: (subscription.trial_end ?? 0) - TRIAL_NOTICE,
        run: (then) => {
          store.notices.set(notice, { id: notice });
          emit(then, "customer.subscription.trial_will_end", subscription);
        },
      };
    }
    const upcoming = upcomingNotice(subscription);
    if (upcoming !== undefined && !store.notices.has(upcoming.notice)) {
      yield {
        at: upcoming.at,
        run: (then) => {
          store.notices.set(upcoming.notice, { id: upcoming.notice });
          announceUpcoming(then, subscription);
        },
      };
    }
    const at = nextRenewal(subscription);
    yield { at, run: (then) => void endPeriod(then, subscription) };
  }
}
