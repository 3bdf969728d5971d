/** What a database's schema is, as sorted lines of text: two equal databases have equal lines. */
import type pg from "pg";

/** All of ours; graphile_worker too, because db/ grants rights and writes policies there. */
const SCHEMAS = "'{app_public,app_private,auth,graphile_worker}'::text[]";

/** Every schema, relation, column, constraint, index, policy, function, trigger, right, comment. */
export async function catalogOf(client: Pick<pg.ClientBase, "query">): Promise<string[]> {
  const lines: string[] = [];
  for (const [kind, sql] of Object.entries(QUERIES)) {
    const { rows } = await client.query<{ name: string; facts: Record<string, unknown> }>(sql);
    for (const { name, facts } of rows) lines.push(...describe(`${kind} ${name}`, facts));
  }
  return lines.toSorted();
}

/** One line a fact, so that a difference names the one thing that differs. */
function describe(name: string, facts: Record<string, unknown>): string[] {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== "");
  return [name, ...known.map(([fact, value]) => `${name} | ${fact}: ${JSON.stringify(value)}`)];
}

/** Rights in one order, the default ones spelled out: how they came about must not show. */
function rights(acl: string, kind: string, owner: string): string {
  return `(
    select string_agg(
      format(
        '%s may %s%s by %s',
        case grantee when 0 then 'public' else grantee::regrole::text end,
        privilege_type, case when is_grantable then ' (and grant it)' else '' end, grantor::regrole
      ), '; ' order by grantee::regrole::text, privilege_type, grantor::regrole::text
    )
    from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner})))
  )`;
}

const QUERIES: Readonly<Record<string, string>> = {
  schema: `
    select nspname as name, json_build_object(
      'owner', nspowner::regrole, 'rights', ${rights("nspacl", "n", "nspowner")},
      'comment', obj_description(oid, 'pg_namespace')
    ) as facts
    from pg_namespace where nspname = any (${SCHEMAS})`,
  relation: `
    select oid::regclass::text as name, json_build_object(
      'kind', relkind, 'owner', relowner::regrole, 'persistence', relpersistence,
      'options', reloptions, 'row security', relrowsecurity, 'forced', relforcerowsecurity,
      'rights', ${rights("relacl", "r", "relowner")},
      'view', case when relkind in ('v', 'm') then pg_get_viewdef(oid) end,
      'partition', pg_get_expr(relpartbound, oid), 'partitioned by', pg_get_partkeydef(oid),
      'replica identity', relreplident, 'comment', obj_description(oid, 'pg_class')
    ) as facts
    from pg_class
    where relnamespace::regnamespace::text = any (${SCHEMAS}) and relkind in ('r', 'p', 'v', 'm', 'f')`,
  // Numbered anew: a migrated table may have dropped columns in between.
  column: `
    select format('%s.%I', attrelid::regclass, attname) as name, json_build_object(
      'position', row_number() over (partition by attrelid order by attnum),
      'type', format_type(atttypid, atttypmod), 'not null', attnotnull,
      'default', pg_get_expr(adbin, adrelid), 'identity', attidentity, 'generated', attgenerated,
      'collation', nullif(attcollation, 0)::regcollation, 'statistics', attstattarget,
      'rights', case when attacl is not null then ${rights("attacl", "c", "relowner")} end,
      'comment', col_description(attrelid, attnum)
    ) as facts
    from pg_attribute
    join pg_class on pg_class.oid = attrelid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where relnamespace::regnamespace::text = any (${SCHEMAS})
    and relkind in ('r', 'p', 'v', 'm', 'f', 'c') and attnum > 0 and not attisdropped`,
  constraint: `
    select format('%s.%I', coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text), conname)
      as name, json_build_object(
      'definition', pg_get_constraintdef(oid), 'validated', convalidated,
      'comment', obj_description(oid, 'pg_constraint')
    ) as facts
    from pg_constraint where connamespace::regnamespace::text = any (${SCHEMAS})`,
  index: `
    select indexrelid::regclass::text as name, json_build_object(
      'definition', pg_get_indexdef(indexrelid), 'valid', indisvalid, 'clustered', indisclustered,
      'comment', obj_description(indexrelid, 'pg_class')
    ) as facts
    from pg_index join pg_class on pg_class.oid = indexrelid
    where relnamespace::regnamespace::text = any (${SCHEMAS})`,
  sequence: `
    select seqrelid::regclass::text as name, json_build_object(
      'type', seqtypid::regtype, 'start', seqstart, 'step', seqincrement, 'most', seqmax,
      'owner', relowner::regrole, 'rights', ${rights("relacl", "S", "relowner")}
    ) as facts
    from pg_sequence join pg_class on pg_class.oid = seqrelid
    where relnamespace::regnamespace::text = any (${SCHEMAS})`,
  policy: `
    select format('%I on %s', polname, polrelid::regclass) as name, json_build_object(
      'command', polcmd, 'permissive', polpermissive,
      'to', array(
        select case role when 0 then 'public' else role::regrole::text end
        from unnest(polroles) as role order by 1
      ),
      'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid),
      'comment', obj_description(pg_policy.oid, 'pg_policy')
    ) as facts
    from pg_policy join pg_class on pg_class.oid = polrelid
    where relnamespace::regnamespace::text = any (${SCHEMAS})`,
  function: `
    select oid::regprocedure::text as name, json_build_object(
      'definition', case when prokind in ('f', 'p') then pg_get_functiondef(oid) end,
      'owner', proowner::regrole, 'rights', ${rights("proacl", "f", "proowner")},
      'comment', obj_description(oid, 'pg_proc')
    ) as facts
    from pg_proc where pronamespace::regnamespace::text = any (${SCHEMAS})`,
  trigger: `
    select format('%I on %s', tgname, tgrelid::regclass) as name, json_build_object(
      'definition', pg_get_triggerdef(pg_trigger.oid), 'enabled', tgenabled,
      'comment', obj_description(pg_trigger.oid, 'pg_trigger')
    ) as facts
    from pg_trigger join pg_class on pg_class.oid = tgrelid
    where relnamespace::regnamespace::text = any (${SCHEMAS}) and not tgisinternal`,
  type: `
    select pg_type.oid::regtype::text as name, json_build_object(
      'kind', typtype, 'owner', typowner::regrole, 'base', nullif(typbasetype, 0)::regtype,
      'not null', typnotnull, 'default', typdefault,
      'labels', array(select enumlabel from pg_enum where enumtypid = pg_type.oid order by enumsortorder),
      'rights', ${rights("typacl", "T", "typowner")},
      'comment', obj_description(pg_type.oid, 'pg_type')
    ) as facts
    from pg_type
    where typnamespace::regnamespace::text = any (${SCHEMAS}) and typtype in ('d', 'e', 'r', 'c')
    and not exists (select from pg_class where pg_class.oid = typrelid and relkind <> 'c')`,
  "default right": `
    select format('of %s on %s in %s', defaclrole::regrole, defaclobjtype,
      coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'any schema')) as name,
      json_build_object('rights', array(select acl::text from unnest(defaclacl) as acl order by 1)) as facts
    from pg_default_acl`,
  extension: `
    select extname as name, json_build_object('schema', extnamespace::regnamespace) as facts
    from pg_extension`,
};
