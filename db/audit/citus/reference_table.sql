/*
 * A table without tenants that tenants' tables reference must lie on every node, so that their
 * foreign keys can be checked there: it is made a reference table before they are distributed. That
 * suits what is small or rarely written. Each has a row in exceptions.sql that says so.
 */
select distinct
  'warning' as severity,
  parents.name as object,
  'tenants'' tables reference it: it must become a reference table' as problem,
  format('Before they are distributed: select create_reference_table(%L);', parents.name)
    as remedy
from pg_catalog.pg_constraint
join tables as children on children.oid = pg_constraint.conrelid
join tables as parents on parents.oid = pg_constraint.confrelid
where pg_constraint.contype = 'f'
and (children.tenant_column is not null or children.name = 'app_public.tenants')
and parents.tenant_column is null
and parents.name <> 'app_public.tenants';
