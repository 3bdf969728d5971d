/*
 * What the rules look at, by name: these stand in front of each rule as "with" queries
 * (server/audit_rules.ts). Beside our own schemas that is every other one into which a run-time role
 * gets, or which it owns, and partitions wherever they are; not the queue's and the migrations' (unaudited_schema sees to those), and nothing that an
 * extension brings (extensions does).
 */

/* Those that serve requests and jobs, and whatever they can become: a group's rights are theirs. */
run_time_roles (oid, name) as (
  select pg_roles.oid, pg_roles.rolname
  from pg_catalog.pg_roles
  where exists (
    select
    from pg_catalog.pg_roles as ours
    where ours.rolname in (
      'rowhouse_server', 'rowhouse_worker', 'app_user', 'app_anonymous', 'app_worker',
      'app_identity', 'app_definer', 'app_searcher'
    )
    and (
      ours.oid = pg_roles.oid
      or (not ours.rolsuper and pg_has_role(ours.oid, pg_roles.oid, 'member'))
    )
  )
),

/* 0 stands for "public", who is everyone. */
grantees (oid, name) as (
  select run_time_roles.oid, quote_ident(run_time_roles.name) from run_time_roles
  union all
  select 0::oid, 'public'
),

foreign_schemas (oid) as (
  select pg_namespace.oid
  from pg_catalog.pg_namespace
  where pg_namespace.nspname ~ '^pg_'
  or pg_namespace.nspname in ('information_schema', 'graphile_worker', 'graphile_migrate')
),

audited_schemas (oid, is_ours) as (
  select pg_namespace.oid, ours.is_ours
  from pg_catalog.pg_namespace
  cross join lateral (
    select pg_namespace.nspname in ('app_public', 'app_private', 'auth')
  ) as ours (is_ours)
  where pg_namespace.oid not in (select foreign_schemas.oid from foreign_schemas)
  and (
    ours.is_ours
    or pg_namespace.nspowner in (select run_time_roles.oid from run_time_roles)
    or exists (
      select
      from aclexplode(pg_namespace.nspacl) as acl
      join grantees on grantees.oid = acl.grantee
      where acl.privilege_type = 'USAGE'
    )
  )
),

/* Rights on relations and on their columns, but for the owner's. */
relation_grants (relation, column_number, grantee, privilege, is_grantable) as (
  select pg_class.oid, 0::smallint, acl.grantee, acl.privilege_type, acl.is_grantable
  from pg_catalog.pg_class
  cross join lateral aclexplode(pg_class.relacl) as acl
  where pg_class.relnamespace not in (select foreign_schemas.oid from foreign_schemas)
  and pg_class.relacl is not null
  and acl.grantee <> pg_class.relowner
  union all
  select
    pg_class.oid, pg_attribute.attnum, acl.grantee, acl.privilege_type, acl.is_grantable
  from pg_catalog.pg_attribute
  join pg_catalog.pg_class on pg_class.oid = pg_attribute.attrelid
  cross join lateral aclexplode(pg_attribute.attacl) as acl
  where pg_class.relnamespace not in (select foreign_schemas.oid from foreign_schemas)
  and pg_attribute.attacl is not null
  and not pg_attribute.attisdropped
  and acl.grantee <> pg_class.relowner
),

/* Partitions and children, in whatever schema: rows get into them through tables of audited ones. */
descendants (oid) as (
  with recursive below (oid) as (
    select pg_inherits.inhrelid
    from pg_catalog.pg_inherits
    join pg_catalog.pg_class on pg_class.oid = pg_inherits.inhparent
    join audited_schemas on audited_schemas.oid = pg_class.relnamespace
    union
    select pg_inherits.inhrelid
    from below
    join pg_catalog.pg_inherits on pg_inherits.inhparent = below.oid
  )
  select below.oid from below
),

/* Elsewhere than in our schemas, only those that a run-time role owns, has any right on, or gets into. */
relations (oid, name, kind, schema, is_ours, is_child) as (
  select
    pg_class.oid,
    pg_class.oid::regclass::text,
    pg_class.relkind,
    pg_class.relnamespace,
    coalesce(audited_schemas.is_ours, false),
    exists (select from pg_catalog.pg_inherits where pg_inherits.inhrelid = pg_class.oid)
  from pg_catalog.pg_class
  left join audited_schemas on audited_schemas.oid = pg_class.relnamespace
  where pg_class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and (
    audited_schemas.is_ours
    or (
      audited_schemas.oid is not null
      and (
        pg_class.relowner in (select run_time_roles.oid from run_time_roles)
        or pg_class.oid in (
          select relation_grants.relation
          from relation_grants
          join grantees on grantees.oid = relation_grants.grantee
        )
      )
    )
    or pg_class.oid in (select descendants.oid from descendants)
  )
  and not exists (
    select
    from pg_catalog.pg_depend
    where pg_depend.classid = 'pg_class'::regclass
    and pg_depend.objid = pg_class.oid
    and pg_depend.deptype = 'e'
  )
),

tables (oid, name, schema, is_child, tenant_column) as (
  select
    relations.oid, relations.name, relations.schema, relations.is_child, pg_attribute.attnum
  from relations
  left join pg_catalog.pg_attribute
    on pg_attribute.attrelid = relations.oid
    and pg_attribute.attname = 'tenant_id'
  where relations.kind in ('r', 'p')
),

policies (oid, name, relation, relation_name, object, command, is_permissive, roles) as (
  select
    pg_policy.oid,
    pg_policy.polname,
    tables.oid,
    tables.name,
    format('%s on %s', pg_policy.polname, tables.name),
    pg_policy.polcmd,
    pg_policy.polpermissive,
    pg_policy.polroles
  from pg_catalog.pg_policy
  join tables on tables.oid = pg_policy.polrelid
),

/* Functions of ours, in whatever schema; procedures and aggregates too. */
routines (oid, name, schema) as (
  select pg_proc.oid, pg_proc.oid::regprocedure::text, pg_proc.pronamespace
  from pg_catalog.pg_proc
  where pg_proc.pronamespace not in (select foreign_schemas.oid from foreign_schemas)
  and not exists (
    select
    from pg_catalog.pg_depend
    where pg_depend.classid = 'pg_proc'::regclass
    and pg_depend.objid = pg_proc.oid
    and pg_depend.deptype = 'e'
  )
),

/*
 * What routines say, as a hash. Standard SQL is kept without its text, so it is printed, which waits
 * for whoever changes a table that it names: not materialized, it is for those alone that a rule asks for.
 */
bodies (routine, hash) as not materialized (
  select
    pg_proc.oid,
    encode(
      sha256(convert_to(coalesce(pg_get_function_sqlbody(pg_proc.oid), pg_proc.prosrc), 'UTF8')),
      'hex'
    )
  from pg_catalog.pg_proc
)
