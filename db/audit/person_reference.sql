/*
 * A foreign key is checked past row-level security. Who may write one that leads to people learns of
 * any id whether somebody has an account by it, and a row of theirs can keep somebody who was never
 * in their tenant from being deleted. Whom a tenant's row can name are its members.
 */
with keys as (
  select
    pg_constraint.*,
    tables.name as relation_name,
    tables.tenant_column,
    (
      select quote_ident(pg_attribute.attname)
      from pg_catalog.pg_attribute
      where pg_attribute.attrelid = pg_constraint.conrelid
      and pg_attribute.attnum = pg_constraint.conkey[1]
    ) as column_name,
    (
      select pg_attribute.attnotnull
      from pg_catalog.pg_attribute
      where pg_attribute.attrelid = pg_constraint.conrelid
      and pg_attribute.attnum = pg_constraint.conkey[1]
    ) as is_required
  from pg_catalog.pg_constraint
  join tables on tables.oid = pg_constraint.conrelid
  where pg_constraint.contype = 'f'
  and pg_constraint.conparentid = 0
  and pg_constraint.confrelid::regclass::text in ('app_public.users', 'auth.users')
  and exists (
    select
    from (values ('app_user'), ('app_anonymous')) as writers (role)
    cross join lateral unnest(pg_constraint.conkey) as key (attnum)
    where has_column_privilege(writers.role, tables.oid, key.attnum, 'insert, update')
  )
)
select
  'warning' as severity,
  format('%s on %s', keys.conname, keys.relation_name) as object,
  'a person may write whom it leads to, and so learn who has an account' as problem,
  format('alter table %s drop constraint %I;', keys.relation_name, keys.conname)
  || case
    when keys.tenant_column is null then ''
    else
      /* Else nobody could be removed from the tenant who is named there. */
      case
        when keys.is_required and keys.confdeltype <> 'c'
          then format(' alter table %s alter column %s drop not null;', keys.relation_name, keys.column_name)
        else ''
      end
      || format(
        ' alter table %s add constraint %I foreign key (tenant_id, %s) '
        'references app_public.memberships (tenant_id, user_id) on delete %s;',
        keys.relation_name,
        keys.conname,
        keys.column_name,
        case keys.confdeltype
          when 'c' then 'cascade'
          else format('set null (%s)', keys.column_name)
        end
      )
  end as remedy
from keys;
