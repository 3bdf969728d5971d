/** npm run audit: the isolation audit of a database, for people and for code scanning. */
import pg from "pg";

import { ConfigError, parseAuditConfig } from "../server/config.ts";
import type { RuleSet } from "../server/audit_rules.ts";
import { runAudit, type Finding } from "../server/isolation_audit.ts";
import { describeConnectionError } from "../server/connection_error.ts";

export type { Finding } from "../server/isolation_audit.ts";

/** Audits a database with one set of rules. */
export async function audit({
  databaseUrl,
  set = "isolation",
}: {
  databaseUrl: string;
  set?: RuleSet;
}): Promise<Finding[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    return await runAudit(client, set);
  } finally {
    await client.end();
  }
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
