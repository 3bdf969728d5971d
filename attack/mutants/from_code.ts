/** Faults in functions and triggers: in their rights, and in what they say. */
import type { Queryable } from "../fixture/tables.ts";
import type { Mutant } from "./mutant.ts";

const OURS = `('app_public', 'app_private', 'auth')`;

const ATTRIBUTES = `
  with functions as (
    select pg_proc.oid, pg_proc.oid::regprocedure::text as signature, prosecdef, prorettype,
      exists (
        select from pg_depend where classid = 'pg_policy'::regclass
        and refclassid = 'pg_proc'::regclass and refobjid = pg_proc.oid
      ) as in_policy
    from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
    where nspname in ${OURS} and prokind = 'f'
  )
  select 'function' as kind, signature as object, change,
    format('alter function %s %s', signature, sql) as sql
  from functions
  cross join lateral (
    values
      (prosecdef, 'without a search_path', 'reset search_path'),
      (prosecdef, 'owned by rowhouse_owner', 'owner to rowhouse_owner'),
      (prosecdef, 'owned by a superuser', format('owner to %I', current_user)),
      (prosecdef, 'with a search_path of public', 'set search_path = public'),
      (not prosecdef, 'security definer', 'security definer'),
      (in_policy, 'volatile', 'volatile'),
      (in_policy, 'leakproof', 'leakproof')
  ) as changes (applies, change, sql)
  where applies
  union all
  select 'function', signature, format('executed by %s', role),
    format('grant execute on function %s to %s', signature, role)
  from functions
  cross join unnest('{public,app_user,app_anonymous,rowhouse_server}'::text[]) as role
  where (role = 'public' or not has_function_privilege(role, oid, 'execute'))
  and prorettype <> 'trigger'::regtype
  order by 2, 3`;

const BODIES = `
  select pg_proc.oid::regprocedure::text as object, pg_get_functiondef(pg_proc.oid) as definition
  from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
  where nspname in ${OURS} and prokind = 'f'
  and not has_function_privilege('app_worker', pg_proc.oid, 'execute')
  order by 1`;

const TRIGGERS = `
  select 'trigger' as kind, tgrelid::regclass::text as object, format('%s dropped', tgname) as change,
    format('drop trigger %I on %s', tgname, tgrelid::regclass) as sql
  from pg_trigger
  join pg_class on pg_class.oid = tgrelid join pg_namespace on pg_namespace.oid = relnamespace
  where nspname in ${OURS} and not tgisinternal
  order by 2, 3`;

/** Every such fault for the database at hand. */
export async function fromCode(client: Queryable): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  for (const sql of [ATTRIBUTES, TRIGGERS]) {
    const { rows } = await client.query<Omit<Mutant, "everywhere">>(sql);
    mutants.push(...rows.map((row) => ({ ...row, everywhere: false })));
  }
  const { rows } = await client.query<{ object: string; definition: string }>(BODIES);
  return [...mutants, ...rows.flatMap(({ object, definition }) => forget(object, definition))];
}

/** A guard: a condition that speaks of whose a row is, or a demand for a right or an access. */
const GUARDS: readonly { line: RegExp; without: string }[] = [
  { line: /^(\s*)and .*\b(tenant_id|user_id|p_key_hash|email|role_key|id = ).*$/i, without: "" },
  {
    line: /^(\s*)where .*\b(tenant_id|user_id|\w*hash|role_key|id\)? = ).*$/i,
    without: "$1where true",
  },
  { line: /^(\s*)perform app_private\.(require|writable|lock)\w+\(.*\);$/, without: "" },
  { line: /^(.*)v_access in \('full', 'read_only'\)(.*)$/, without: "$1true$2" },
  { line: /^(.*)v_access = 'full'(.*)$/, without: "$1true$2" },
  { line: /^(.*\bv_can_(?:read|write)) := .*$/, without: "$1 := true;" },
  {
    line: /^(.*)app_private\.writable_tenant_id\(\);$/,
    without: "$1app_private.member_tenant_id();",
  },
  {
    line: /^(\s*(?:els)?if ).*\b(?:found|tenant|user|member|permission|email|invite|owner|is_\w+)\b.* then$/,
    without: "$1false then",
  },
];

/** The function without each of its guards in turn. */
function forget(object: string, definition: string): Mutant[] {
  const lines = definition.split("\n");
  return lines.flatMap((line, n) =>
    GUARDS.filter((guard) => guard.line.test(line)).map((guard) => {
      const changed = lines.with(n, line.replace(guard.line, guard.without));
      const sql = changed.join("\n");
      return {
        kind: "code",
        object,
        change: `line ${n + 1}, "${line.trim()}"`,
        sql,
        everywhere: false,
      };
    }),
  );
}
