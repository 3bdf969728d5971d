/** npm run audit: the isolation audit of a database, for people and for code scanning. */
import { parseArgs } from "node:util";

import pg from "pg";

import { ConfigError, parseAuditConfig } from "../server/config.ts";
import { readRules, type RuleSet } from "../server/audit_rules.ts";
import { runAudit, type Finding } from "../server/isolation_audit.ts";
import { describeConnectionError } from "../server/connection_error.ts";
import { toSarif } from "./audit_sarif.ts";
import { readPlaces } from "./object_places.ts";

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

const USAGE = `Usage: npm run audit -- [--for citus] [--json | --sarif]

Checks the catalog of the database in MIGRATION_DATABASE_URL, or of the embedded one of a running
\`npm start\`, against the rules in db/audit. docs/isolation_audit.md says how to read what it finds.

  --for citus  the rules of db/audit/citus instead: what would keep the schema from being
               distributed by tenant_id
  --json       the findings as a list of objects
  --sarif      the findings as SARIF 2.1.0, for code scanning (node cli/audit.ts --sarif > file)

Exits with 0 when there is no error (a warning is none), 1 when there is, 2 when it could not look.`;

type Choices = { set: RuleSet; as: "text" | "json" | "sarif" | "help" };

async function main(args: readonly string[]): Promise<void> {
  const { set, as } = choices(args);
  if (as === "help") {
    console.log(USAGE);
    return;
  }
  const findings = await auditConfigured(set);
  if (as === "json") console.log(JSON.stringify(findings, null, 2));
  else if (as === "sarif") console.log(await sarif(set, findings));
  else print(findings);
  if (findings.some(({ severity }) => severity === "error")) process.exitCode = 1;
}

/** What the arguments ask for; throws a ConfigError with the usage for what they can't mean. */
function choices(args: readonly string[]): Choices {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        for: { type: "string" },
        json: { type: "boolean", default: false },
        sarif: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.for !== undefined && values.for !== "citus") {
      throw new Error(`There are rules for citus, not for "${values.for}"`);
    }
    if (values.json && values.sarif) throw new Error("--json and --sarif exclude each other");
    return {
      set: values.for ?? "isolation",
      as: values.help ? "help" : values.json ? "json" : values.sarif ? "sarif" : "text",
    };
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

async function sarif(set: RuleSet, findings: readonly Finding[]): Promise<string> {
  const [rules, placeOf] = await Promise.all([readRules(set), readPlaces()]);
  return JSON.stringify(toSarif({ rules, findings, placeOf }), null, 2);
}

/** Audits the configured database, else the embedded one, which is started if it does not run. */
async function auditConfigured(set: RuleSet): Promise<Finding[]> {
  const { databaseUrl } = parseAuditConfig(process.env);
  if (databaseUrl !== undefined) return auditOrExplain(databaseUrl, set);
  const { openTarget } = await import("../dev/migrations_target.ts");
  await using target = await openTarget(process.env);
  return await auditOrExplain(target.databaseUrl, set);
}

async function auditOrExplain(databaseUrl: string, set: RuleSet): Promise<Finding[]> {
  try {
    return await audit({ databaseUrl, set });
  } catch (error) {
    throw new Error(describeConnectionError(error, databaseUrl) ?? String(error), { cause: error });
  }
}

function print(findings: readonly Finding[]): void {
  for (const { severity, rule, object, problem, remedy } of findings) {
    console.log(`${severity}  ${rule}  ${object}\n  ${problem}\n  ${remedy}\n`);
  }
  const errors = findings.filter(({ severity }) => severity === "error").length;
  console.log(
    findings.length === 0
      ? "The audit found nothing."
      : `${errors} error(s), ${findings.length - errors} warning(s).`,
  );
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
