import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { entitlementsOf } from "./active_entitlements.ts";
import { found, liveCustomer } from "./shared.ts";

const URL = "/v1/entitlements/active_entitlements";
const LIST = { required: { customer: p.text }, optional: PAGE };

/** The endpoints under /v1/entitlements/active_entitlements. */
export const entitlementRoutes = [
  route("GET", URL, LIST, (context, params) => {
    liveCustomer(context.store, params.customer, "customer");
    return page(entitlementsOf(context, params.customer), params, URL);
  }),
  route("GET", `${URL}/:id`, {}, (context, _params, id) => {
    const all = [...context.store.entitlements.values()].flatMap((each) => each.active);
    return found(new Map(all.map((each) => [each.id, each])), "active entitlement", id);
  }),
];
