/*
 * tenant_id must lead to a tenant that exists, by a foreign key of its own or through a row of
 * another table that does; else a deleted tenant leaves rows behind that belong to nobody.
 */
with recursive links as (
  select pg_constraint.conrelid as child, pg_constraint.confrelid as parent
  from tables as children
  join pg_catalog.pg_constraint on pg_constraint.conrelid = children.oid
  join tables as parents on parents.oid = pg_constraint.confrelid
  cross join lateral unnest(pg_constraint.conkey, pg_constraint.confkey)
    as pairs (referencing, referenced)
  where pg_constraint.contype = 'f'
  and pairs.referencing = children.tenant_column
  and (parents.name = 'app_public.tenants' or pairs.referenced = parents.tenant_column)
),
anchored as (
  select tables.oid from tables where tables.name = 'app_public.tenants'
  union
  select links.child from links join anchored on anchored.oid = links.parent
)
select
  'warning' as severity,
  tables.name as object,
  'nothing says that its tenants exist' as problem,
  format(
    'alter table %s add constraint %I foreign key (tenant_id) references app_public.tenants (id) '
    'on delete cascade;',
    tables.name,
    left(pg_class.relname, 51) || '_tenant_fkey'
  ) as remedy
from tables
join pg_catalog.pg_class on pg_class.oid = tables.oid
where tables.tenant_column is not null
and not tables.is_child
and tables.oid not in (select anchored.oid from anchored);
