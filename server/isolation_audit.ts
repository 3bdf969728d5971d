/** The isolation audit: every rule of db/audit against a database's catalog. */
import type pg from "pg";

import { auditStatement, readParts, readRules, type RuleSet } from "./audit_rules.ts";

export type Severity = "error" | "warning";

export type Finding = {
  severity: Severity;
  /** The file in db/audit that explains it. */
  rule: string;
  object: string;
  /** What tells it from other findings of the rule about the object; often empty. */
  detail: string;
  problem: string;
  /** SQL that mends it; a sentence where there is none. */
  remedy: string;
};

/**
 * Runs every rule of a set, in one message and so in one transaction on one connection, whoever
 * pools them; any login may, since catalogs are open. Sorted by severity, rule, object.
 */
export async function runAudit(
  client: Pick<pg.ClientBase, "query">,
  set: RuleSet = "isolation",
): Promise<Finding[]> {
  const results: unknown = await client.query(await auditStatements(set));
  // The library answers several statements with several results, which its types leave out.
  const findings = (Array.isArray(results) ? results : []).flatMap(findingsOf);
  return findings.toSorted((a, b) => sortKey(a).localeCompare(sortKey(b)));
}

/**
 * Names and expressions are compared as they are printed, which another search path would shorten and
 * quotes would lengthen. The planner can't know how many rights and tables there are, and would try
 * each against each.
 */
export const AUDIT_SETTINGS = [
  "set local search_path = pg_catalog, pg_temp",
  "set local quote_all_identifiers = off",
  "set local enable_nestloop = off",
  "set local enable_seqscan = on",
  "set local jit = off",
] as const;

/** What is sent. A message of several statements is one transaction without "begin". */
export async function auditStatements(set: RuleSet): Promise<string> {
  const [rules, parts] = await Promise.all([readRules(set), readParts()]);
  return [...AUDIT_SETTINGS, auditStatement(rules, parts)].join(";\n");
}

function findingsOf(result: { rows: Finding[] }): Finding[] {
  return result.rows;
}

function sortKey({ severity, rule, object, detail }: Finding): string {
  return `${severity}\n${rule}\n${object}\n${detail}`;
}
