/** What those who pay for a tenant are told. Each says what happened, what to do, and until when. */
import { dateOf, hostOf, letter, oneLine } from "./letter.ts";
import type { Letter } from "./mail.ts";
import { moneyOf } from "./money.ts";

export type BillingLinkOptions = { tenantName: string; url: string; appUrl: string };

export type PaymentFailedOptions = BillingLinkOptions & {
  amount: number;
  currency: string;
  /** What is printed on the invoice; null before Stripe has numbered it. */
  invoiceNumber: string | null;
  /** When Stripe will try again by itself; null when it will not. */
  nextAttemptAt: Date | null;
  /** Until when the tenant keeps its access; null when nothing ends it. */
  graceEndsAt: Date | null;
};

/** An automatic payment was declined. */
export function paymentFailed(options: PaymentFailedOptions): Letter {
  const { amount, currency, invoiceNumber, nextAttemptAt, graceEndsAt } = options;
  const { tenant, link, place } = partsOf(options);
  const invoice = invoiceNumber === null ? "" : ` (invoice ${oneLine(invoiceNumber)})`;
  const until =
    graceEndsAt === null
      ? "Everything goes on working for now."
      : `Everything goes on working until ${dateOf(graceEndsAt)}; what is not paid by then suspends ${tenant}.`;
  return letter({
    subject: `The payment for ${tenant} failed`,
    before: `We could not collect ${moneyOf(amount, currency)} for ${tenant} at ${place}${invoice}. ${until} Please pay it, or store another way to pay.`,
    link,
    after:
      nextAttemptAt === null
        ? "It is not tried again by itself."
        : `It is tried again on ${dateOf(nextAttemptAt)}, with what is stored then.`,
  });
}

export type TrialWillEndOptions = BillingLinkOptions & { planName: string; trialEndsAt: Date };

/** A trial is about to become a paid subscription. */
export function trialWillEnd(options: TrialWillEndOptions): Letter {
  const { planName, trialEndsAt } = options;
  const { tenant, link, place } = partsOf(options);
  return letter({
    subject: `The trial of ${tenant} ends soon`,
    before: `The trial of ${tenant} at ${place} ends on ${dateOf(trialEndsAt)}. From then on the plan ${oneLine(planName)} is paid for. Please see to it that a way to pay is stored by then, or cancel.`,
    link,
    after: "If one is stored already and you wish to stay, there is nothing to do.",
  });
}

/** Why a tenant is suspended, by its access_reason. */
const REASONS: Readonly<Record<string, string>> = {
  grace_ended: "a payment is overdue and its grace period is over",
  unpaid: "a payment is overdue",
  paused: "its subscription is paused",
  canceled: "its subscription has ended",
  payment_disputed: "a payment was disputed",
};

export type SuspendedOptions = BillingLinkOptions & { reason: string; since: Date };

/** A tenant has lost its access. */
export function suspended(options: SuspendedOptions): Letter {
  const { reason, since } = options;
  const { tenant, link, place } = partsOf(options);
  const because = REASONS[reason] ?? "its subscription does not stand any more";
  return letter({
    subject: `${tenant} is suspended`,
    before: `${tenant} at ${place} is suspended since ${dateOf(since)}, because ${because}. Its people can still sign in, see the billing and pay, and that brings everything back.`,
    link,
    after: "Nothing has been deleted.",
  });
}

/** A tenant has its access back. */
export function reactivated(options: BillingLinkOptions): Letter {
  const { tenant, link, place } = partsOf(options);
  return letter({
    subject: `${tenant} is back`,
    before: `${tenant} at ${place} is not suspended any more. Everything is as it was; there is nothing to do.`,
    link,
    after: "Its billing is behind the link, should you wish to look.",
  });
}

function partsOf({ tenantName, url, appUrl }: BillingLinkOptions) {
  return {
    tenant: oneLine(tenantName),
    link: { label: "Go to the billing", url },
    place: hostOf(appUrl),
  };
}
