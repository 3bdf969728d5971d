/* Everything belongs to rowhouse_owner, whom nobody can log in as; only definers have their own. */
select
  'error' as severity,
  objects.name as object,
  'owned by ' || objects.owner::regrole as problem,
  'Run db/ownership.sql (npm run migrate does).' as remedy
from (
  select 'schema ' || pg_namespace.nspname, pg_namespace.nspowner
  from pg_catalog.pg_namespace
  where pg_namespace.nspname in ('app_public', 'app_private', 'auth')
  union all
  select pg_class.oid::regclass::text, pg_class.relowner
  from pg_catalog.pg_class
  where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
  union all
  select pg_type.oid::regtype::text, pg_type.typowner
  from pg_catalog.pg_type
  where pg_type.typnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
  and pg_type.typtype in ('d', 'e')
  union all
  select pg_proc.oid::regprocedure::text, pg_proc.proowner
  from pg_catalog.pg_proc
  where pg_proc.pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
  and not pg_proc.prosecdef
) as objects (name, owner)
where objects.owner <> 'rowhouse_owner'::regrole;
