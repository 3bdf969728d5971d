/** The audit's rules as they stand in db/audit: one SQL file each, whose rows are what breaks it. */
import { readdir, readFile } from "node:fs/promises";
import { parse } from "node:path";

export type RuleSet = "isolation" | "citus";

export type Rule = {
  /** The file's name, with its folder when it is not of the isolation rules. */
  id: string;
  set: RuleSet;
  /** The file below db/audit. */
  file: string;
  /** Why the rule is there, from the comment at the head of its file. */
  why: string;
  /** The rule by itself; `auditStatement` makes it one that can be run. */
  sql: string;
};

/** What every rule is run with. */
export type AuditParts = {
  /** "with" queries that the rules name. */
  scope: string;
  /** The reviewed exceptions, as a query. */
  exceptions: string;
};

const FOLDER = new URL("../db/audit/", import.meta.url);
const SCOPE = "scope.sql";
const EXCEPTIONS: readonly string[] = ["exceptions.sql", "reviewed_bodies.sql"];
const PARTS: ReadonlySet<string> = new Set([SCOPE, ...EXCEPTIONS]);

export async function readRules(set: RuleSet): Promise<Rule[]> {
  const folder = set === "isolation" ? "" : `${set}/`;
  const files = (await readdir(new URL(folder, FOLDER)))
    .filter((file) => file.endsWith(".sql") && !PARTS.has(file))
    .toSorted();
  return Promise.all(
    files.map(async (name) => {
      const file = `${folder}${name}`;
      const sql = await readFile(new URL(file, FOLDER), "utf8");
      return { id: `${folder}${parse(name).name}`, set, file, why: whyOf(sql), sql };
    }),
  );
}

export async function readParts(): Promise<AuditParts> {
  const read = (name: string) => readFile(new URL(name, FOLDER), "utf8");
  const exceptions = await Promise.all(EXCEPTIONS.map(read));
  return {
    scope: await read(SCOPE),
    exceptions: exceptions.map(withoutEnd).join("\nunion all\n"),
  };
}

/**
 * Rules as one statement, in which the scope is planned and read once for all of them: their
 * findings, but for those that were reviewed.
 */
export function auditStatement(rules: readonly Rule[], { scope, exceptions }: AuditParts): string {
  return `with exceptions (rule, object, detail, reason) as (
${exceptions}
),
${withoutEnd(scope)},
found as (
${rules.map(findingsOf).join("\nunion all\n")}
)
select found.severity, found.rule, found.object, found.detail, found.problem, found.remedy
from found
where not exists (
  select
  from exceptions
  where exceptions.rule = found.rule
  and exceptions.object = found.object
  and exceptions.detail = found.detail
)`;
}

/** Some rules have no detail. */
function findingsOf({ id, sql }: Rule): string {
  return `select
  broken.severity,
  '${id}' as rule,
  broken.object::text,
  coalesce(to_jsonb(broken) ->> 'detail', '') as detail,
  broken.problem,
  broken.remedy
from (
${withoutEnd(sql)}
) as broken`;
}

function withoutEnd(sql: string): string {
  return sql.trimEnd().replace(/;$/, "");
}

function whyOf(sql: string): string {
  const comment = /^\/\*([\s\S]*?)\*\//.exec(sql)?.[1] ?? "";
  return comment.replaceAll(/\s*\n \* ?/g, " ").trim();
}
