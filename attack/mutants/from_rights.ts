/** Faults in policies, grants, tables and views. */
import type { Queryable } from "../fixture/tables.ts";
import type { Mutant } from "./mutant.ts";

type Row = Omit<Mutant, "everywhere">;

const OURS = `('app_public', 'app_private', 'auth')`;
const RELATION = `format('%I.%I', nspname, pg_class.relname)`;

/**
 * Each policy dropped, opened, moved to the looser setting, given to everyone, stripped of its
 * permission, widened to all commands.
 */
const POLICIES = `
  with policies as (
    select ${RELATION} as relation, polname, polcmd, polroles, pg_policy.oid,
      pg_get_expr(polqual, polrelid) as shown, pg_get_expr(polwithcheck, polrelid) as checked,
      (
        select string_agg(case role when 0 then 'public' else quote_ident(role::regrole::text) end, ', ')
        from unnest(polroles) as role
      ) as roles,
      case polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert'
        when 'w' then 'update' else 'delete' end as command
    from pg_policy
    join pg_class on pg_class.oid = polrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ${OURS}
  ),
  looser as (
    select policies.*, kind.change, kind.shown as new_using, kind.checked as new_checked
    from policies
    cross join lateral (
      values
        ('using true', 'true', checked),
        ('with check true', shown, 'true'),
        ('by member_tenant_id',
          regexp_replace(shown, '(current|writable)_tenant_id', 'member_tenant_id'),
          regexp_replace(checked, '(current|writable)_tenant_id', 'member_tenant_id')),
        ('without its permission',
          regexp_replace(shown, ' AND app_private.has_permission\\([^)]*\\)', ''),
          regexp_replace(checked, ' AND app_private.has_permission\\([^)]*\\)', ''))
    ) as kind (change, shown, checked)
    where (kind.shown is null) = (policies.shown is null)
    and (kind.checked is null) = (policies.checked is null)
    and (kind.shown, kind.checked) is distinct from (policies.shown, policies.checked)
  )
  select 'policy' as kind, relation as object, format('%s dropped', polname) as change,
    format('drop policy %I on %s', polname, relation) as sql
  from policies
  union all
  select 'policy', relation, format('%s to public', polname),
    format('alter policy %I on %s to public', polname, relation)
  from policies
  union all
  select 'policy', relation, format('%s %s', polname, change),
    format('alter policy %I on %s', polname, relation)
    || coalesce(' using (' || new_using || ')', '')
    || coalesce(' with check (' || new_checked || ')', '')
  from looser
  union all
  select 'policy', relation, format('%s for all commands', polname),
    format('drop policy %I on %s; create policy %I on %s for all to %s using (%s) with check (%s)',
      polname, relation, polname, relation, roles, coalesce(shown, checked), coalesce(checked, shown))
  from policies where command <> 'all'
  union all
  select 'policy', relation, format('one more, %s', extra.what),
    format('create policy extra on %s %s', relation, extra.body)
  from (select distinct relation from policies) as tables
  cross join (
    values
      ('reading all', 'for select to app_user using (true)'),
      ('writing all', 'for all to app_user using (true) with check (true)'),
      ('for visitors', 'for select to app_anonymous using (true)')
  ) as extra (what, body)
  order by 2, 3`;

/** Tables without the policies that they have. */
const TABLES = `
  select 'table' as kind, ${RELATION} as object, change,
    format('alter table %s %s', ${RELATION}, sql) as sql
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  cross join (
    values
      ('row-level security disabled', 'disable row level security'),
      ('row-level security not forced', 'no force row level security'),
      ('owned by the server''s login', 'owner to rowhouse_server'),
      ('owned by the migrator', 'owner to rowhouse_migrator')
  ) as changes (change, sql)
  where nspname in ${OURS} and relkind in ('r', 'p')
  union all
  select 'table', ${RELATION}, 'tenant_id may be null',
    format('alter table %s alter column tenant_id drop not null', ${RELATION})
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  join pg_attribute on attrelid = pg_class.oid and attname = 'tenant_id'
  where nspname in ${OURS} and relkind in ('r', 'p')
  and not exists (
    select from pg_constraint where conrelid = pg_class.oid and contype = 'p' and attnum = any (conkey)
  )
  union all
  select 'view', ${RELATION}, 'with its owner''s rights',
    format('alter view %s reset (security_invoker)', ${RELATION})
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where nspname in ${OURS} and relkind = 'v'
  order by 2, 3`;

/** Rights that nobody was given; and each that somebody was, given on or for the whole table. */
const GRANTS = `
  select 'grant' as kind, ${RELATION} as object, format('%s to %s', privilege, role) as change,
    format(
      'grant usage on schema %I to %s; grant %s on %s to %s', nspname, role, privilege,
      ${RELATION}, role
    ) as sql
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  cross join (
    values
      ('select', 'app_anonymous'), ('select', 'public'), ('select', 'rowhouse_server'),
      ('insert', 'app_user'), ('update', 'app_user'), ('delete', 'app_user'),
      ('insert', 'app_anonymous'), ('update', 'app_anonymous'), ('delete', 'app_anonymous'),
      ('truncate', 'app_user'), ('references', 'app_user'), ('trigger', 'app_user'),
      ('truncate', 'app_worker'), ('maintain', 'app_user'),
      ('select', 'app_user'), ('select', 'app_worker'), ('select', 'app_identity')
  ) as rights (privilege, role)
  where nspname in ('app_public', 'app_private', 'auth', 'graphile_worker') and relkind in ('r', 'p')
  and (role = 'public' or not has_table_privilege(role, pg_class.oid, privilege))
  and (privilege <> 'maintain' or current_setting('server_version_num')::integer >= 170000)
  union all
  select 'grant', ${RELATION}, format('%s (tenant_id) to app_user', privilege),
    format('grant %s (tenant_id) on %s to app_user', privilege, ${RELATION})
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  join pg_attribute on attrelid = pg_class.oid and attname = 'tenant_id'
  cross join unnest('{insert,update}'::text[]) as privilege
  where nspname in ${OURS} and relkind in ('r', 'p')
  union all
  select 'grant', ${RELATION}, format('%s to %s, to hand on', lower(acl.privilege_type), acl.grantee::regrole),
    format('grant %s on %s to %s with grant option', acl.privilege_type, ${RELATION}, acl.grantee::regrole)
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  cross join lateral aclexplode(relacl) as acl
  where nspname in ${OURS} and relkind in ('r', 'p', 'v') and acl.grantee not in (0, relowner)
  union all
  select 'grant', ${RELATION}, 'usage to app_user', format('grant usage, select on %s to app_user', ${RELATION})
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where nspname in ${OURS} and relkind = 'S'
  union all
  select 'grant', format('schema %I', nspname), 'create to app_user',
    format('grant usage, create on schema %I to app_user', nspname)
  from pg_namespace where nspname in ('app_public', 'app_private', 'auth', 'graphile_worker', 'public')
  order by 2, 3`;

/** Every such fault for the database at hand. */
export async function fromRights(client: Queryable): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  for (const sql of [POLICIES, TABLES, GRANTS]) {
    const { rows } = await client.query<Row>(sql);
    mutants.push(...rows.map((row) => ({ ...row, everywhere: false })));
  }
  return mutants;
}
