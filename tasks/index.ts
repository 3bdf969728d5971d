import type { TaskList } from "graphile-worker";
import type Stripe from "stripe";

import { endGracePeriod } from "./end_grace_period.ts";
import type { ConfiguredPrices } from "./stripe_customer_truth.ts";
import { stripeProcessEvent } from "./stripe_process_event.ts";
import { stripeProvisionTenant } from "./stripe_provision_tenant.ts";
import { stripeSyncCustomer } from "./stripe_sync_customer.ts";

export type TaskOptions = {
  stripe: Stripe;
  configuredPrices: ConfiguredPrices;
  gracePeriodDays: number;
};

/** Every task that db/ may enqueue; a test holds the names equal. */
export function makeTaskList({ stripe, configuredPrices, gracePeriodDays }: TaskOptions) {
  return {
    end_grace_period: endGracePeriod(),
    stripe_process_event: stripeProcessEvent(),
    stripe_provision_tenant: stripeProvisionTenant({ stripe, configuredPrices }),
    stripe_sync_customer: stripeSyncCustomer({ stripe, gracePeriodDays, configuredPrices }),
  } satisfies TaskList;
}
