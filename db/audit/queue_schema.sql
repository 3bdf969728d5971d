/*
 * unaudited_schema keeps everybody out of the queue's and the migrations' schemas but who works there.
 * What stands there is other projects' to write, but jobs are of any tenant: so a table of the queue
 * keeps its row-level security, its policies let in none but those two roles, and what runs with its
 * owner's rights is reviewed there as everywhere.
 */
with places (oid) as (
  select pg_namespace.oid
  from pg_catalog.pg_namespace
  where pg_namespace.nspname in ('graphile_worker', 'graphile_migrate')
)
select
  'error' as severity,
  pg_class.oid::regclass::text as object,
  '' as detail,
  'row-level security is off where jobs of all tenants are' as problem,
  format('alter table %s enable row level security;', pg_class.oid::regclass) as remedy
from pg_catalog.pg_class
where pg_class.relnamespace::regnamespace::text = 'graphile_worker'
and pg_class.relkind in ('r', 'p')
and not pg_class.relrowsecurity
/* Which versions of the queue there were is no tenant's. */
and pg_class.relname <> 'migrations'
union all
select
  'error',
  format('%s on %s', pg_policy.polname, pg_policy.polrelid::regclass),
  case role.oid when 0 then 'public' else role.oid::regrole::text end,
  'a policy lets somebody else than the queue''s own roles at jobs of all tenants',
  format('drop policy %I on %s;', pg_policy.polname, pg_policy.polrelid::regclass)
from pg_catalog.pg_policy
join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
cross join lateral unnest(pg_policy.polroles) as role (oid)
left join pg_catalog.pg_roles on pg_roles.oid = role.oid
where pg_class.relnamespace in (select places.oid from places)
and coalesce(pg_roles.rolname not in ('app_worker', 'app_definer'), true)
union all
select
  'error',
  pg_proc.oid::regprocedure::text,
  '',
  'a security-definer function that nobody reviewed',
  format('alter routine %s security invoker;', pg_proc.oid::regprocedure)
from pg_catalog.pg_proc
where pg_proc.prosecdef
and pg_proc.pronamespace in (select places.oid from places);
