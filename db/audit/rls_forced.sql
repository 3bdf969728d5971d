/*
 * Row-level security must be enabled and forced on every table: without "force" the owner sees all
 * rows, and a partition without it can be read past its parent.
 */
select
  'error' as severity,
  pg_class.oid::regclass::text as object,
  'row-level security is not enabled and forced' as problem,
  format(
    'alter table %1$s enable row level security; alter table %1$s force row level security;',
    pg_class.oid::regclass
  ) as remedy
from pg_catalog.pg_class
where pg_class.relkind in ('r', 'p')
and pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and not (pg_class.relrowsecurity and pg_class.relforcerowsecurity);
