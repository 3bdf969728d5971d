/*
 * The log can be believed only while nobody changes it, nobody but its trigger adds to it, and the
 * trigger is on every table of the API that has tenants' rows, for whatever is done to any row. It
 * must be on the tables that say who may do what; on one of yours it is yours to decide.
 */
with logged (oid, name, is_kept) as (
  select
    tables.oid,
    tables.name,
    tables.name in (
      'app_public.tenants', 'app_public.memberships', 'app_public.invitations',
      'app_public.api_keys'
    )
  from tables
  where tables.schema = 'app_public'::regnamespace
  and not tables.is_child
  and (tables.tenant_column is not null or tables.name = 'app_public.tenants')
  and to_regprocedure('app_private.tg__audit()') is not null
)
select
  'error' as severity,
  tables.name as object,
  grantees.name as detail,
  format(
    '%s may %s the audit log',
    grantees.name,
    lower(string_agg(distinct relation_grants.privilege, ', '))
  ) as problem,
  format(
    'revoke %s on %s from %s;',
    string_agg(distinct relation_grants.privilege, ', '),
    tables.name,
    grantees.name
  ) as remedy
from tables
join relation_grants on relation_grants.relation = tables.oid
join grantees on grantees.oid = relation_grants.grantee
where tables.name = 'app_public.audit_entries'
and relation_grants.privilege <> 'SELECT'
and not (relation_grants.privilege = 'INSERT' and grantees.name = 'app_definer')
group by tables.name, grantees.name
union all
select
  case when logged.is_kept then 'error' else 'warning' end,
  logged.name,
  '',
  'its changes are not all written to the audit log',
  format(
    'create or replace trigger _900_audit after insert or update or delete on %s '
    'for each row execute function app_private.tg__audit();',
    logged.name
  )
from logged
where not exists (
  select
  from pg_catalog.pg_trigger
  where pg_trigger.tgrelid = logged.oid
  and pg_trigger.tgfoid = to_regprocedure('app_private.tg__audit()')
  and pg_trigger.tgenabled in ('O', 'A')
  /* For each row, after each of insert, delete and update, of whatever column, always. */
  and pg_trigger.tgtype = 1 + 4 + 8 + 16
  and pg_trigger.tgattr = ''
  and pg_trigger.tgqual is null
);
