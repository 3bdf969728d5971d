import "./graphile_env.ts";

import type { WithPgClient } from "postgraphile/@dataplan/pg";
import {
  access,
  context,
  lambda,
  listen,
  type GrafastSubscriber,
  type Step,
} from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";

import { tenantChanges, type TenantChange } from "./tenant_changes.ts";
import type { TenantNotifications } from "./tenant_notifications.ts";

/** Adds Subscription.tenantChanged, with what it may tell of. */
export function tenantChangedPlugin(notifications: TenantNotifications): GraphileConfig.Plugin {
  return extendSchema((build) => {
    const { tenants, billing_requests: requests } = build.input.pgRegistry.pgResources;
    if (tenants === undefined || requests === undefined) {
      throw new Error("The API has no tenants, or no billing requests, to tell of");
    }
    return {
      typeDefs: gql`
        extend type Subscription {
          """
          Tells of the tenant that the access token names: what it is like now, and again whenever it
          has changed. Ends with an error when the caller is out.
          """
          tenantChanged: TenantChangedPayload
        }

        """
        Something of the tenant's has changed, or may have.
        """
        type TenantChangedPayload {
          """
          Why it came. current: it is the first, or earlier ones may have been missed, so look at
          everything. tenant: the tenant itself has changed. billing_request: a request to Stripe has.
          """
          event: String!

          """
          The tenant as it is now, also while it is suspended.
          """
          tenant: Tenant

          """
          What Stripe was asked, as it is now, if event is billing_request and the caller may manage
          billing.
          """
          billingRequest: BillingRequest
        }
      `,
      objects: {
        Subscription: {
          plans: {
            tenantChanged: {
              subscribePlan: () =>
                listen(
                  lambda(
                    [context().get("withPgClient"), context().get("pgSettings")],
                    ([withPgClient, settings]) => subscriber(notifications, withPgClient, settings),
                  ),
                  "changes",
                ),
              plan: ($change) => $change,
            },
          },
        },
        TenantChangedPayload: {
          plans: {
            event: ($change: Step<TenantChange>) => access<string>($change, "event"),
            // By the event's own id, so that it is read for each event and never once for all.
            tenant: ($change: Step<TenantChange>) =>
              tenants.get({ id: access<string>($change, "tenantId") }),
            // Any other event's row is no billing request, and none is found.
            billingRequest: ($change: Step<TenantChange>) =>
              requests.get({
                tenant_id: access<string>($change, "tenantId"),
                id: access<string>($change, "rowId"),
              }),
          },
        },
      },
    };
  }, "RowhouseTenantChangedPlugin");
}

/** Enters as the subscription's caller, as every request does, and asks whose tenant it is. */
function subscriber(
  notifications: TenantNotifications,
  withPgClient: WithPgClient,
  settings: Record<string, string | undefined> | null,
): GrafastSubscriber<{ changes: TenantChange }> {
  async function enter(): Promise<string> {
    const { rows } = await withPgClient(settings, (client) =>
      client.query<{ id: string }>({ text: "select app_private.member_tenant_id() as id" }),
    );
    const [row] = rows;
    if (row === undefined) throw new Error("A select without from answered no row");
    return row.id;
  }
  return { subscribe: () => tenantChanges(notifications, enter) };
}
