import type { Stripe } from "stripe";

import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { liveCustomer } from "./shared.ts";

const LIST = { required: { customer: p.text }, optional: PAGE };

/** The endpoints under /v1/entitlements: no product has features here, so nobody is entitled. */
export const entitlementRoutes = [
  route("GET", "/v1/entitlements/active_entitlements", LIST, (context, params) => {
    liveCustomer(context.store, params.customer, "customer");
    const none: Stripe.Entitlements.ActiveEntitlement[] = [];
    return page(none, params, "/v1/entitlements/active_entitlements");
  }),
];
