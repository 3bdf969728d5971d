/** npm run stripe:checks: looks at Stripe for what its webhooks did not bring, now, and tells of past looks. */
import { setTimeout as sleep } from "node:timers/promises";

import type pg from "pg";

import { ConfigError } from "../server/config.ts";
import { argumentsOf, asOperator, printTable, runCommand } from "./operator.ts";

const USAGE = `Usage: npm run stripe:checks -- list [--json]
       npm run stripe:checks -- poll [--wait SECONDS]
       npm run stripe:checks -- reconcile [--wait SECONDS]

Works on the database in MIGRATION_DATABASE_URL, or on the embedded one of a running \`npm start\`.

  list       what the last 50 checks found
  poll       has the worker fetch events that no webhook brought, as it does each hour
  reconcile  has the worker compare all that Stripe has with all that we have, as it does each night;
             whatever differs is read again at once (drifted), and is an alarm ten minutes later
             unless an event of it comes by then

Both wait until the check has ended, 600 seconds unless told otherwise.
Exits with 0; with 1 when the check has not ended by then; with 2 when it could not be asked for.`;

const OPTIONS = {
  json: { type: "boolean", default: false },
  wait: { type: "string", default: "600" },
  help: { type: "boolean", default: false },
} as const;

const LOOK_EVERY_MS = 500;

type Check = {
  kind: string;
  started_at: Date;
  finished_at: Date | null;
  result: Record<string, number>;
};

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = argumentsOf(args, OPTIONS, USAGE);
  const [command, ...others] = positionals;
  if (values.help) return console.log(USAGE);
  if (others.length > 0) throw new ConfigError(`Say one thing at a time.\n\n${USAGE}`);
  switch (command) {
    case "list":
      return asOperator((client) => list(client, values.json));
    case "poll":
    case "reconcile":
      return asOperator((client) => check(client, command, secondsOf(values.wait)));
    default:
      throw new ConfigError(`Say list, poll or reconcile.\n\n${USAGE}`);
  }
}

async function list(client: pg.Client, json: boolean): Promise<void> {
  const { rows } = await client.query<Check>(
    `select kind, started_at, finished_at, result
    from app_private.stripe_checks order by started_at desc limit 50`,
  );
  if (json) return console.log(JSON.stringify(rows, null, 2));
  if (rows.length === 0) return console.log("There was no check yet.");
  printTable([
    ["KIND", "STARTED", "ENDED", "FOUND"],
    ...rows.map(({ kind, started_at, finished_at, result }) => [
      kind,
      started_at.toISOString(),
      finished_at?.toISOString() ?? "not (yet)",
      summaryOf(result),
    ]),
  ]);
}

async function check(
  client: pg.Client,
  kind: "poll" | "reconcile",
  seconds: number,
): Promise<void> {
  const { rows } = await client.query<{ asked_at: Date }>(
    `select clock_timestamp() as asked_at, app_private.request_${kind}()`,
  );
  const askedAt = rows[0]?.asked_at;
  console.log("Booked; waiting for the worker.");
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const ended = await client.query<Check>(
      `select kind, started_at, finished_at, result from app_private.stripe_checks
      where kind = $1 and started_at >= $2 and finished_at is not null limit 1`,
      [kind, askedAt],
    );
    const [found] = ended.rows;
    if (found !== undefined) return console.log(summaryOf(found.result));
    await sleep(LOOK_EVERY_MS);
  }
  console.log("It has not ended. Does a worker run? npm run jobs -- list, npm run alarms -- list");
  process.exitCode = 1;
}

function summaryOf(result: Record<string, number>): string {
  return Object.entries(result)
    .map(([what, count]) => `${count} ${what.replaceAll("_", " ")}`)
    .join(", ");
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0 && seconds <= 86_400)) throw new ConfigError("--wait is 0 to 86400 seconds");
  return seconds;
}

if (import.meta.main) await runCommand("stripe:checks", main);
