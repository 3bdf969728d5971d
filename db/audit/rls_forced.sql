/*
 * Row-level security must be enabled and forced on every table: without "force" the owner sees all
 * rows, and a partition without it can be read past its parent.
 */
select
  'error' as severity,
  tables.name as object,
  'row-level security is not enabled and forced' as problem,
  format(
    'alter table %1$s enable row level security; alter table %1$s force row level security;',
    tables.name
  ) as remedy
from tables
join pg_catalog.pg_class on pg_class.oid = tables.oid
where not (pg_class.relrowsecurity and pg_class.relforcerowsecurity);
