/** The statements around a tenant's transaction (server/tenant_transaction.ts): into it and out of it. */
import type pg from "pg";

export type Statement = string | pg.QueryConfig;

/** Every setting that app_private.enter() or our functions know; a test compares it with db/. */
export const TENANT_SETTINGS = [
  "app.current_user_id",
  "app.member_tenant_id",
  "app.current_tenant_id",
  "app.writable_tenant_id",
  "app.access",
  "app.access_reason",
  "app.permissions",
  "app.api_key_id",
  "app.request",
] as const;

export const ENTER = `
  select
    app_private.enter($1::uuid, $2::uuid),
    pg_catalog.set_config('statement_timeout', $3, true),
    pg_catalog.set_config('role', 'app_user', true)`;

const saidIn = (setting: string) => `pg_catalog.current_setting('app.${setting}', true)`;

/**
 * Divides by zero when the work has ended the transaction, or has become somebody else in it or gone
 * to another tenant: so the commit that is sent behind it commits nothing. (A suspended tenant is
 * none to read or to write.)
 */
export const STILL_OURS = `
  select 1 / case
    when ${saidIn("current_user_id")} = $1::uuid::text
      and ${saidIn("member_tenant_id")} = $2::uuid::text
      and ${saidIn("current_tenant_id")} in ('', $2::uuid::text)
      and ${saidIn("writable_tenant_id")} in ('', $2::uuid::text)
      and pg_catalog.current_setting('role') = 'app_user'
    then 1 else 0
  end`;

/** What outlives a transaction and could reach the next: looked for, not trusted to be absent. */
const IS_CLEAN = `
  select
    pg_catalog.current_setting('role') = 'none'
    and not exists (
      select
      from pg_catalog.unnest($1::text[]) as setting
      where pg_catalog.current_setting(setting, true) <> ''
    )
    and not exists (select from pg_catalog.pg_cursors where is_holdable)
    and not exists (select from pg_catalog.pg_prepared_statements where from_sql)
    and not exists (select from pg_catalog.pg_listening_channels()) as is_clean,
    pg_catalog.pg_advisory_unlock_all()`;

/** Looks first: a setting of ours that outlived the transaction is a reason to close. */
export const CHECK_OUT: readonly Statement[] = [
  { text: IS_CLEAN, values: [[...TENANT_SETTINGS]] },
  "reset all",
];
