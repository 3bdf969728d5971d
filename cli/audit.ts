/** The isolation audit: every rule of db/audit against a database's catalog. */
import { readdir, readFile } from "node:fs/promises";
import { parse } from "node:path";

import pg from "pg";

import { ConfigError, parseAuditConfig } from "../server/config.ts";
import { describeConnectionError } from "./migrate_error.ts";

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

/** Runs every rule, in one read-only transaction; findings sorted by severity, rule, object. */
export async function audit({ databaseUrl }: { databaseUrl: string }): Promise<Finding[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    await client.query("begin read only");
    const findings: Finding[] = [];
    for (const { rule, sql } of await readRules()) {
      const { rows } = await client.query<Omit<Finding, "rule">>(sql);
      findings.push(...rows.map((row) => ({ ...row, rule })));
    }
    return findings.toSorted((a, b) => sortKey(a).localeCompare(sortKey(b)));
  } finally {
    await client.end();
  }
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

const USAGE = `Usage: npm run audit -- [--json]

Checks the catalog of the database in MIGRATION_DATABASE_URL, or of the embedded one of a running
\`npm start\`, against the rules in db/audit. Exits with 0 when there is no error.`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return;
  }
  const unknown = args.find((arg) => arg !== "--json");
  if (unknown !== undefined) throw new ConfigError(`Unknown argument "${unknown}"\n${USAGE}`);

  const findings = await auditConfigured();
  if (args.includes("--json")) console.log(JSON.stringify(findings, null, 2));
  else print(findings);
  if (findings.some(({ severity }) => severity === "error")) process.exitCode = 1;
}

/** Audits the configured database, else the embedded one, which is started if it does not run. */
async function auditConfigured(): Promise<Finding[]> {
  const { databaseUrl } = parseAuditConfig(process.env);
  if (databaseUrl !== undefined) return auditOrExplain(databaseUrl);
  const { openTarget } = await import("../dev/migrations_target.ts");
  await using target = await openTarget(process.env);
  return await auditOrExplain(target.databaseUrl);
}

async function auditOrExplain(databaseUrl: string): Promise<Finding[]> {
  try {
    return await audit({ databaseUrl });
  } catch (error) {
    throw new Error(describeConnectionError(error, databaseUrl) ?? String(error), { cause: error });
  }
}

function print(findings: readonly Finding[]): void {
  for (const { severity, rule, object, problem, remedy } of findings) {
    console.log(`${severity}  ${rule}  ${object}\n  ${problem}\n  ${remedy}\n`);
  }
  console.log(findings.length === 0 ? "The audit found nothing." : `${findings.length} found.`);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
