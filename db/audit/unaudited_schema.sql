/*
 * The other rules look into app_public, app_private and auth. What a run-time role can read or write
 * anywhere else no rule and no policy of ours keeps apart: a table made in "public" by mistake. (What an
 * extension brings was chosen with the extension.)
 */
select
  'error' as severity,
  format('%I.%I', pg_namespace.nspname, pg_class.relname) as object,
  string_agg(roles.role, ', ' order by roles.role) || ' can reach it, and no rule looks at it'
    as problem,
  format(
    'revoke all on %1$I.%2$I from public, %3$s; or: alter table %1$I.%2$I set schema app_private;',
    pg_namespace.nspname,
    pg_class.relname,
    string_agg(roles.role, ', ' order by roles.role)
  ) as remedy
from pg_catalog.pg_class
join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
cross join (values ('app_user'), ('app_anonymous'), ('app_identity')) as roles (role)
where pg_class.relkind in ('r', 'p', 'v', 'm', 'f')
and pg_namespace.nspname not in (
  'app_public', 'app_private', 'auth', 'pg_catalog', 'information_schema'
)
and has_schema_privilege(roles.role, pg_namespace.oid, 'usage')
and has_any_column_privilege(
  roles.role, pg_class.oid, 'select, insert, update, references'
)
and not exists (
  select
  from pg_catalog.pg_depend
  where pg_depend.classid = 'pg_class'::regclass
  and pg_depend.objid = pg_class.oid
  and pg_depend.deptype = 'e'
)
group by pg_namespace.nspname, pg_class.relname;
