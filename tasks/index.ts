import type { TaskList } from "graphile-worker";
import type Stripe from "stripe";

import type { OurStripe } from "../server/stripe_inbox.ts";
import { checkSeats } from "./check_seats.ts";
import { endGracePeriod } from "./end_grace_period.ts";
import type { Mailer } from "./mail/mail.ts";
import { runBillingRequest } from "./run_billing_request.ts";
import { sendBillingMail } from "./send_billing_mail.ts";
import { sendIdentityMail } from "./send_identity_mail.ts";
import { sendInvitation } from "./send_invitation.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { stripeCheckEndpoint } from "./stripe_check_endpoint.ts";
import { stripeDiscard } from "./stripe_discard.ts";
import { stripePollEvents } from "./stripe_poll_events.ts";
import { stripeProcessEvent } from "./stripe_process_event.ts";
import { stripeProvisionTenant } from "./stripe_provision_tenant.ts";
import { stripeReconcile } from "./stripe_reconcile.ts";
import { stripeReportUsage } from "./stripe_report_usage.ts";
import { stripeSyncCatalog } from "./stripe_sync_catalog.ts";
import { stripeSyncCustomer } from "./stripe_sync_customer.ts";
import { stripeSyncSeats } from "./stripe_sync_seats.ts";
import { stripePruneEvents, stripeTendEvents } from "./stripe_tend_events.ts";
import { stripeWithdrawTenant } from "./stripe_withdraw_tenant.ts";
import { tellOfDrift } from "./tell_of_drift.ts";

export type TaskOptions = {
  stripe: Stripe;
  configuredPrices: ConfiguredPrices;
  /** Whose events are ours. */
  ours: OurStripe;
  /** Where Stripe sends its events. */
  webhookUrl: string;
  gracePeriodDays: number;
  mailer: Mailer;
  /** Where the frontend lives, for links in mails; no trailing slash. */
  appUrl: string;
};

/** Every task that db/ may enqueue; a test holds the names equal. */
export function makeTaskList(options: TaskOptions) {
  const { stripe, configuredPrices, gracePeriodDays, mailer, appUrl, ours, webhookUrl } = options;
  return {
    check_seats: checkSeats(),
    end_grace_period: endGracePeriod(),
    run_billing_request: runBillingRequest({ stripe, configuredPrices, gracePeriodDays, appUrl }),
    send_billing_mail: sendBillingMail({ mailer, appUrl }),
    send_identity_mail: sendIdentityMail({ mailer, appUrl }),
    send_invitation: sendInvitation({ mailer, appUrl }),
    stripe_check_endpoint: stripeCheckEndpoint({ stripe, webhookUrl }),
    stripe_discard: stripeDiscard(stripe),
    stripe_poll_events: stripePollEvents({ stripe, ours }),
    stripe_process_event: stripeProcessEvent({ stripe }),
    stripe_provision_tenant: stripeProvisionTenant({ stripe, configuredPrices }),
    stripe_reconcile: stripeReconcile({ stripe, configuredPrices }),
    stripe_report_usage: stripeReportUsage({ stripe }),
    stripe_sync_catalog: stripeSyncCatalog({ stripe, configuredPrices }),
    stripe_sync_customer: stripeSyncCustomer({ stripe, gracePeriodDays, configuredPrices }),
    stripe_sync_seats: stripeSyncSeats({ stripe, configuredPrices }),
    stripe_prune_events: stripePruneEvents(),
    stripe_tend_events: stripeTendEvents(),
    stripe_withdraw_tenant: stripeWithdrawTenant(stripe),
    tell_of_drift: tellOfDrift(),
  } satisfies TaskList;
}
