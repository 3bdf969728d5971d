/*
 * A unique key is checked past row-level security: without tenant_id, "taken" tells of another
 * tenant's row. Allowed are keys whose values the database or Stripe makes up, not a client.
 */
with reviewed (index, reason) as (
  values
    ('app_public.billing_accounts_stripe_customer_key', 'Stripe''s id, written by tasks'),
    ('app_private.stripe_customers_id_key', 'Stripe''s id, written by tasks'),
    ('app_private.invitation_tokens_hash_key', 'of a random token, made by a task'),
    ('app_private.api_key_secrets_hash_key', 'of a random key, made by issue_api_key_secret')
)
select
  'error' as severity,
  pg_index.indexrelid::regclass::text as object,
  'a unique key of a tenant table without tenant_id' as problem,
  format(
    'Make it unique (tenant_id, …), or list %s in db/audit/unique_tenant.sql with a reason.',
    pg_index.indexrelid::regclass
  ) as remedy
from pg_catalog.pg_index
join pg_catalog.pg_class on pg_class.oid = pg_index.indrelid
join pg_catalog.pg_attribute
  on pg_attribute.attrelid = pg_class.oid and pg_attribute.attname = 'tenant_id'
where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private')
and (pg_index.indisunique or pg_index.indisexclusion)
and not pg_attribute.attnum = any (
  (pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1]
)
and not exists (
  select from reviewed where reviewed.index = pg_index.indexrelid::regclass::text
);
