import type { TaskList } from "graphile-worker";
import type Stripe from "stripe";

import { endGracePeriod } from "./end_grace_period.ts";
import type { Mailer } from "./mail/mail.ts";
import { sendIdentityMail } from "./send_identity_mail.ts";
import { sendInvitation } from "./send_invitation.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { stripeCheckEndpoint } from "./stripe_check_endpoint.ts";
import { stripePollEvents } from "./stripe_poll_events.ts";
import { stripeProcessEvent } from "./stripe_process_event.ts";
import { stripeProvisionTenant } from "./stripe_provision_tenant.ts";
import { stripeReconcile } from "./stripe_reconcile.ts";
import { stripeSyncCustomer } from "./stripe_sync_customer.ts";

export type TaskOptions = {
  stripe: Stripe;
  configuredPrices: ConfiguredPrices;
  /** Whether events of Stripe's live mode are ours. */
  livemode: boolean;
  /** Where Stripe sends its events. */
  webhookUrl: string;
  gracePeriodDays: number;
  mailer: Mailer;
  /** Where the frontend lives, for links in mails; no trailing slash. */
  appUrl: string;
};

/** Every task that db/ may enqueue; a test holds the names equal. */
export function makeTaskList(options: TaskOptions) {
  const { stripe, configuredPrices, gracePeriodDays, mailer, appUrl, livemode, webhookUrl } =
    options;
  return {
    end_grace_period: endGracePeriod(),
    send_identity_mail: sendIdentityMail({ mailer, appUrl }),
    send_invitation: sendInvitation({ mailer, appUrl }),
    stripe_check_endpoint: stripeCheckEndpoint({ stripe, webhookUrl }),
    stripe_poll_events: stripePollEvents({ stripe, livemode }),
    stripe_process_event: stripeProcessEvent(),
    stripe_provision_tenant: stripeProvisionTenant({ stripe, configuredPrices }),
    stripe_reconcile: stripeReconcile({ stripe, configuredPrices }),
    stripe_sync_customer: stripeSyncCustomer({ stripe, gracePeriodDays, configuredPrices }),
  } satisfies TaskList;
}
