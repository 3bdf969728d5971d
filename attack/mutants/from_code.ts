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
  and (
    not has_function_privilege('app_worker', pg_proc.oid, 'execute')
    or exists (
      select from unnest('{app_user,app_anonymous,rowhouse_server}'::text[]) as role
      where has_function_privilege(role, pg_proc.oid, 'execute')
    )
  )
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

/** Conditions that say whose a row is; the others are about the row itself. */
const WHOSE = /\b(tenant_id|user_id|\w*hash|email|role_key|id\)? = )/;

/** Demands, decisions and refusals; what stands there when nobody asks any more. */
const DEMANDS: readonly { line: RegExp; without: string }[] = [
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
    withoutGuard(line).map((changed) => ({
      kind: "code",
      object,
      change: `without "${line.trim()}"${nth(lines, n)}`,
      sql: lines.with(n, changed).join("\n"),
      everywhere: false,
    })),
  );
}

/** Which of equal lines it is, so that names differ, and stay when other lines move. */
function nth(lines: readonly string[], n: number): string {
  const before = lines.slice(0, n).filter((line) => line === lines[n]).length;
  return before === 0 ? "" : ` (${before + 1})`;
}

/** The line without the guard that it is, if it is one. */
function withoutGuard(line: string): string[] {
  const demand = DEMANDS.find((one) => one.line.test(line));
  if (demand !== undefined) return [line.replace(demand.line, demand.without)];
  const [, indent = "", word = "", condition = ""] = /^(\s*)(and|where) (.*)$/i.exec(line) ?? [];
  const end = endOf(condition);
  if (end === undefined || !WHOSE.test(condition.slice(0, end))) return [];
  const kept = word.toLowerCase() === "where" ? "where true" : "";
  return [`${indent}${kept}${condition.slice(end)}`];
}

/** Where a condition ends that begins a text; undefined when it goes on beyond it. */
function endOf(text: string): number | undefined {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const letter = text.charAt(index);
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    if (depth < 0 || (depth === 0 && letter === ";")) return index;
  }
  return depth === 0 && text !== "" ? text.length : undefined;
}
