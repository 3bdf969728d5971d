/*
 * PostgreSQL keeps password hashes, samples of every table's values, large objects and the secrets of
 * other servers in tables of its own, which no policy can guard. So nobody of the run time holds a
 * right there that a new database would not have given.
 */
with rights (relation, column_number, acl) as (
  select pg_class.oid, 0, pg_class.relacl
  from pg_catalog.pg_class
  where pg_class.relacl is not null
  union all
  select pg_attribute.attrelid, pg_attribute.attnum, pg_attribute.attacl
  from pg_catalog.pg_attribute
  where pg_attribute.attacl is not null
),
held as (
  select rights.relation, rights.column_number, entry.grantee, entry.privilege_type
  from rights
  join pg_catalog.pg_class on pg_class.oid = rights.relation
  cross join lateral aclexplode(rights.acl) as entry
  where pg_class.relnamespace = 'pg_catalog'::regnamespace
  and entry.grantee <> pg_class.relowner
  except
  select
    pg_init_privs.objoid, pg_init_privs.objsubid, entry.grantee, entry.privilege_type
  from pg_catalog.pg_init_privs
  cross join lateral aclexplode(pg_init_privs.initprivs) as entry
  where pg_init_privs.classoid = 'pg_class'::regclass
)
select
  'error' as severity,
  held.relation::regclass::text as object,
  grantees.name as detail,
  grantees.name || ' has a right in PostgreSQL''s own tables' as problem,
  string_agg(
    format(
      'revoke %s%s on %s from %s;',
      held.privilege_type,
      ' (' || quote_ident(pg_attribute.attname) || ')',
      held.relation::regclass,
      grantees.name
    ),
    ' ' order by held.column_number, held.privilege_type
  ) as remedy
from held
join grantees on grantees.oid = held.grantee
left join pg_catalog.pg_attribute
  on pg_attribute.attrelid = held.relation
  and pg_attribute.attnum = held.column_number
  and held.column_number <> 0
group by held.relation, grantees.name;
