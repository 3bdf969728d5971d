/** What the attack can't work out from the API, and so was written down: who may do what. */
import type { Probe } from "./probe.ts";

/** Probes without a positive control, by object, and why they can't have one. */
export const UNCONTROLLED: Readonly<Record<string, string>> = {
  "Mutation.createTenant": "It is sent with a plan that there is not, so that none is founded.",
  "Mutation.acceptInvitation": "The token is in an e-mail only, and its hash can't be undone.",
  "Mutation.declineInvitation": "The token is in an e-mail only, and its hash can't be undone.",
  "Mutation.leaveTenant": "The last owner can't leave.",
};

/** The permission that a table's rows are read with, where being a member is not enough. */
const TO_READ: Readonly<Record<string, string>> = {
  "app_public.memberships": "members.read",
  "app_public.invitations": "members.invite",
  "app_public.api_keys": "api_keys.manage",
  "app_public.audit_entries": "audit.read",
  "app_public.billing_accounts": "billing.manage",
  "app_public.billing_requests": "billing.manage",
  "app_public.invoices": "billing.manage",
};

/** The permission that a mutation needs, where being able to write is not enough. */
const TO_WRITE: Readonly<Record<string, string>> = {
  updateTenant: "tenant.manage",
  updateTenantById: "tenant.manage",
  inviteMember: "members.invite",
  resendInvitation: "members.invite",
  revokeInvitation: "members.invite",
  removeMember: "members.remove",
  changeMemberRole: "members.change_role",
  transferOwnership: "tenant.transfer",
  createApiKey: "api_keys.manage",
  rotateApiKey: "api_keys.manage",
  revokeApiKey: "api_keys.manage",
  createCheckoutSession: "billing.manage",
  createBillingPortalSession: "billing.manage",
  previewPlanChange: "billing.manage",
  changePlan: "billing.manage",
  cancelSubscription: "billing.manage",
  resumeSubscription: "billing.manage",
};

/** What a person does for themselves, whichever tenant they are in. */
const PERSONAL: ReadonlySet<string> = new Set([
  "createTenant",
  "leaveTenant",
  "acceptInvitation",
  "declineInvitation",
]);

/** Of no tenant's business: everybody sees themselves, and the tenant that they are in. */
const OPEN_TABLES: ReadonlySet<string> = new Set(["app_public.tenants", "app_public.users"]);

/** Mutations that this list knows and the API has not: it would guard nothing. */
export const KNOWN_MUTATIONS: readonly string[] = [...Object.keys(TO_WRITE), ...PERSONAL];

/** What somebody may do in their own tenant. */
export type Powers = {
  /** The tenant's rows, such as its projects. */
  reads: boolean;
  writes: boolean;
  permissions: "all" | readonly string[];
};

/** Why a probe must come to nothing even in the attacker's own tenant; undefined when it may. */
export function forbidden(powers: Powers, probe: Probe, table: string | undefined) {
  const lacks = (permission: string) =>
    powers.permissions === "all" || powers.permissions.includes(permission)
      ? undefined
      : `it needs ${permission}`;
  if (probe.operation === "mutation") {
    const needed = TO_WRITE[probe.field];
    if (needed !== undefined) return lacks(needed);
    return powers.writes || PERSONAL.has(probe.field) ? undefined : "they may not write";
  }
  if (table === undefined || OPEN_TABLES.has(table)) return undefined;
  const needed = TO_READ[table];
  if (needed !== undefined) return lacks(needed);
  return powers.reads ? undefined : "they may not read the tenant's rows";
}
