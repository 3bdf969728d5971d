import { paymentFailed, reactivated, suspended, trialWillEnd } from "./billing_templates.ts";
import type { Letter } from "./mail.ts";
import type { LinkOptions } from "./templates.ts";

/** A booked mail, as app_private.open_billing_mail tells of it. */
export type BillingMail = {
  kind: string;
  occurred_at: Date;
  tenant_name: string;
  plan_name: string;
  access_reason: string;
  grace_ends_at: Date | null;
  trial_ends_at: Date | null;
  invoice_number: string | null;
  amount_due: number | null;
  currency: string | null;
  next_payment_attempt_at: Date | null;
};

/** The letter for a booked mail. */
export function billingLetter(mail: BillingMail, link: LinkOptions): Letter {
  const common = { tenantName: mail.tenant_name, ...link };
  switch (mail.kind) {
    case "payment_failed":
      return paymentFailed({
        ...common,
        amount: given(mail.amount_due, "amount_due"),
        currency: given(mail.currency, "currency"),
        invoiceNumber: mail.invoice_number,
        nextAttemptAt: mail.next_payment_attempt_at,
        graceEndsAt: mail.grace_ends_at,
      });
    case "trial_will_end":
      return trialWillEnd({
        ...common,
        planName: mail.plan_name,
        trialEndsAt: given(mail.trial_ends_at, "trial_ends_at"),
      });
    case "suspended":
      return suspended({ ...common, reason: mail.access_reason, since: mail.occurred_at });
    case "reactivated":
      return reactivated(common);
    default:
      throw new Error(`There is no billing mail of kind "${mail.kind}"`);
  }
}

function given<T>(value: T | null, name: string): T {
  if (value === null) throw new Error(`The mail has no ${name}`);
  return value;
}
