/** The isolation audit: every rule of db/audit against a database's catalog. */
import { readdir, readFile } from "node:fs/promises";
import { parse } from "node:path";

import type pg from "pg";

export type Severity = "error" | "warning";

export type Finding = {
  severity: Severity;
  /** The file in db/audit that explains it. */
  rule: string;
  object: string;
  problem: string;
  /** SQL that mends it. */
  remedy: string;
};

const RULES = new URL("../db/audit/", import.meta.url);

/** Runs every rule; any login may, since catalogs are open. Sorted by severity, rule, object. */
export async function runAudit(client: Pick<pg.ClientBase, "query">): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { rule, sql } of await readRules()) {
    const { rows } = await client.query<Omit<Finding, "rule">>(sql);
    findings.push(...rows.map((row) => ({ ...row, rule })));
  }
  return findings.toSorted((a, b) => sortKey(a).localeCompare(sortKey(b)));
}

/** The rules: one SQL file each, whose rows are what breaks it. */
export async function readRules(): Promise<{ rule: string; sql: string }[]> {
  const files = (await readdir(RULES)).filter((file) => file.endsWith(".sql")).toSorted();
  return Promise.all(
    files.map(async (file) => ({
      rule: parse(file).name,
      sql: await readFile(new URL(file, RULES), "utf8"),
    })),
  );
}

function sortKey({ severity, rule, object }: Finding): string {
  return `${severity}\n${rule}\n${object}`;
}
