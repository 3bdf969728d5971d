/**
 * What to call functions with, where neither a type nor a name says it. An argument called
 * `tenant_id`, `user_id`, `email` or after a table (`project_id`) needs no line here; neither does a
 * boolean, a row of a table, nor an argument with a default. Any other does: a function that can't be called is
 * a function that was not attacked, and makes the suite red.
 */
import { keyHash } from "../fixture/key_hash.ts";
import { BILLING_ARGUMENTS } from "./calls_billing.ts";
import { first, type House, type Samples } from "./samples.ts";

/** What functions are called with. */
export const ARGUMENTS: Samples = {
  ...BILLING_ARGUMENTS,
  // Words that mean the same in every tenant.
  created_at: "2026-01-01",
  feature: "apiCalls",
  feature_key: "seats",
  grace_days: 7,
  grace_ends_at: "2026-01-01",
  grace_period: "7 days",
  now: "2026-01-01",
  overlap_seconds: 0,
  payload: {},
  permission: "tenant.manage",
  role: "member",
  row: {},
  scope: "read",
  scopes: "{read}",
  status: "active",
  table: "app_public.projects",
  topic: "tenant",
  name: "New",
  "app_public.change_plan.plan": "pro",
  "app_public.change_plan.interval": "month",
  "app_public.create_checkout_session.plan": "pro",
  "app_public.preview_plan_change.plan": "pro",
  "app_private.begin_billing_request.home_url": "https://app.example.com/billing",
  "app_private.check_return_url.name": "successUrl",
  "app_private.check_return_url.url": "https://app.example.com/",
  "app_private.fail_billing_request.code": "refused",
  "app_private.fail_billing_request.message": "Refused",
  "app_private.raise_alarm.kind": "attack",
  "app_private.raise_alarm.message": "An attack",
  "app_private.raise_alarm.subject": "attack",
  "app_private.resolve_alarm.kind": "attack",
  "app_private.resolve_alarm.subject": "attack",
  "app_private.require_price.interval": "month",
  "app_private.require_price.plan": "pro",
  "app_private.require_room_in.plan": "pro",
  "app_private.require_subscription.statuses": "{active}",
  "app_private.enqueue_identity_mail.kind": "verify_email",
  "app_private.enqueue_identity_mail.url": "https://example.com/verify",
  // Words of a tenant's own.
  amount: (house: House) => first(house, "app_private.usage_records", "amount"),
  idempotency_key: (house: House, own: boolean) =>
    own ? `new ${house.canary}` : first(house, "app_private.usage_records", "idempotency_key"),
  issuer: (house: House) => first(house, "auth.external_identities", "issuer"),
  key_hash: (house: House) => keyHash(house.keys.read.secret),
  preview_id: (house: House) => first(house, "app_public.billing_requests", "id"),
  subject: (house: House) => first(house, "auth.external_identities", "subject"),
  secret: (house: House) => house.keys.read.secret,
  token: (house: House) => house.invitation.token,
  token_hash: (house: House) => bytes(Buffer.from(house.canary.padEnd(32).slice(0, 32))),
};

/** Arguments that prove a right by being known: whoever has B's is let in, and should be. */
export const SECRETS: ReadonlySet<string> = new Set(["token", "token_hash", "key_hash", "secret"]);

/** Functions that doors.ts calls in all the ways that matter. */
export const DOORS: ReadonlySet<string> = new Set(["app_private.enter"]);

/** Functions that do nothing but refuse, at least what A asks of them: no call of theirs succeeds. */
export const REFUSERS: ReadonlySet<string> = new Set([
  // A has a subscription, so it is sold no second one, and its own pages are not known here.
  "app_public.create_checkout_session",
  "app_private.refuse_second_subscription",
  "app_private.check_return_url",
  "app_private.refuse_user",
  "app_private.refuse_tenant",
]);

function bytes(value: Buffer): string {
  return `\\x${value.toString("hex")}`;
}
