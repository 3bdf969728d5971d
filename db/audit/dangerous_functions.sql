/*
 * PostgreSQL's own functions that would undo the wall from within one select: set_config changes the
 * tenant, some run a text as SQL, large objects know no policies, some read files.
 * db/bootstrap.sql takes them from everyone. (The write-ahead log asks for REPLICATION: roles;
 * pg_read_file_old for a superuser.)
 */
with families (name, pattern) as (
  values
    ('settings', '^set_config$'),
    ('SQL from a text', '^(query|cursor|table|schema|database)_to_xml|^ts_(stat|rewrite)$|^crosstab|^dblink'),
    ('large objects', '^lo_|^lo(read|write)$'),
    ('files of the server', '^pg_(read_(?!file_old)|ls_)|^pg_stat_file$|^pg_current_logfile$|^pg_file_')
),
held as (
  select
    families.name as family,
    grantees.name as grantee,
    pg_proc.oid::regprocedure::text as function
  from families
  join pg_catalog.pg_proc on pg_proc.proname ~ families.pattern
  cross join lateral aclexplode(
    coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))
  ) as acl
  join grantees on grantees.oid = acl.grantee
  where acl.grantee <> pg_proc.proowner
)
select
  'error' as severity,
  held.grantee as object,
  held.family as detail,
  format('%s may call functions for %s: %s', held.grantee, held.family, min(held.function))
    || case when count(*) > 1 then format(' and %s more', count(*) - 1) else '' end as problem,
  string_agg(
    format('revoke execute on function %s from %s;', held.function, held.grantee),
    ' ' order by held.function
  ) as remedy
from held
group by held.grantee, held.family;
