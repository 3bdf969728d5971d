/** What the operator's commands have in common: whose login, how answers look, how faults are told. */
import { parseArgs, type ParseArgsConfig } from "node:util";

import pg from "pg";

import { describeConnectionError } from "../server/connection_error.ts";
import { ConfigError, parseOperatorConfig } from "../server/config.ts";
import { causeOf } from "../server/process.ts";

/**
 * Runs `work` with the deploy job's login: that in MIGRATION_DATABASE_URL, or the embedded
 * database's, which is started if it does not run.
 */
export async function asOperator<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { databaseUrl } = parseOperatorConfig(process.env);
  if (databaseUrl !== undefined) return connected(databaseUrl, work);
  const { openTarget } = await import("../dev/migrations_target.ts");
  await using target = await openTarget(process.env);
  return await connected(target.databaseUrl, work);
}

async function connected<T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
    application_name: "rowhouse-operator",
  });
  try {
    await client.connect();
  } catch (error) {
    throw new Error(describeConnectionError(error, databaseUrl) ?? String(error), { cause: error });
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * The arguments, or a ConfigError that says how the command is used. Words beside the options are an
 * error too, unless the command takes some.
 */
export function argumentsOf<T extends ParseArgsConfig["options"]>(
  args: readonly string[],
  options: T,
  usage: string,
  { allowPositionals = true } = {},
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals });
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** For a list: what is wished for is said by options, and a word in their place would be overlooked. */
export function refuseWords([word]: readonly string[], usage: string): void {
  if (word !== undefined)
    throw new ConfigError(`"list" takes options only, not "${word}"\n\n${usage}`);
}

/** A line with what is told of one thing, the columns as wide as the widest of each. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

/** Runs a command: its faults are one line (or the usage), and exit code 2. */
export async function runCommand(
  name: string,
  command: (args: readonly string[]) => Promise<void>,
): Promise<void> {
  try {
    await command(process.argv.slice(2));
  } catch (error) {
    console.error(`${name}: ${causeOf(error)}`);
    process.exitCode = 2;
  }
}
