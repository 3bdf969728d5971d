/** npm run alarms: what an operator should look at. */
import type pg from "pg";

import { ConfigError } from "../server/config.ts";
import { argumentsOf, asOperator, printTable, refuseWords, runCommand } from "./operator.ts";

const USAGE = `Usage: npm run alarms -- list [--all] [--json]
       npm run alarms -- resolve ID…

Works on the database in MIGRATION_DATABASE_URL, or on the embedded one of a running \`npm start\`.

  list     the open alarms, the newest first; --all: the resolved ones as well (1000 at most)
  resolve  closes alarms that were looked after; what is still wrong is raised anew

Exits with 0; with 1 when an alarm was left alone; with 2 when it could not be asked.`;

const OPTIONS = {
  all: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Alarm = {
  id: string;
  kind: string;
  subject: string;
  message: string;
  times: number;
  last_raised_at: Date;
  resolved_at: Date | null;
};

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = argumentsOf(args, OPTIONS, USAGE);
  const [command, ...ids] = positionals;
  if (values.help) return console.log(USAGE);
  switch (command) {
    case "list":
      refuseWords(ids, USAGE);
      return asOperator((client) => list(client, values));
    case "resolve":
      return asOperator((client) => resolve(client, idsOf(ids)));
    default:
      throw new ConfigError(`Say list or resolve.\n\n${USAGE}`);
  }
}

async function list(
  client: pg.Client,
  { all, json }: { all: boolean; json: boolean },
): Promise<void> {
  const { rows } = await client.query<Alarm>(
    `select * from app_private.alarms
    where resolved_at is null or $1
    order by resolved_at is null desc, last_raised_at desc
    limit 1000`,
    [all],
  );
  if (json) return console.log(JSON.stringify(rows, null, 2));
  if (rows.length === 0) return console.log("There is no alarm.");
  printTable([
    ["ID", "KIND", "SUBJECT", "TIMES", "LAST", "MESSAGE"],
    ...rows.map((alarm) => [
      alarm.id,
      alarm.kind,
      alarm.subject,
      String(alarm.times),
      alarm.last_raised_at.toISOString(),
      `${alarm.resolved_at === null ? "" : "(resolved) "}${alarm.message}`,
    ]),
  ]);
}

async function resolve(client: pg.Client, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { rows } = await client.query<{ outcome: string }>(
      "select app_private.dismiss_alarm($1) as outcome",
      [id],
    );
    const outcome = rows[0]?.outcome ?? "unknown";
    console.log(`alarm ${id}: ${outcome}`);
    if (outcome !== "resolved") process.exitCode = 1;
  }
}

function idsOf(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) throw new ConfigError(`Name an alarm.\n\n${USAGE}`);
  const odd = ids.find((id) => !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id));
  if (odd !== undefined) throw new ConfigError(`"${odd}" is no alarm's id: those are uuids`);
  return ids;
}

if (import.meta.main) await runCommand("alarms", main);
