/** npm run events: the inbox of Stripe's events as an operator sees it, and what to do about one. */
import type pg from "pg";

import { ConfigError } from "../server/config.ts";
import { sinceFrom, statusFrom, STATUSES } from "./events_filters.ts";
import { argumentsOf, asOperator, printTable, refuseWords, runCommand } from "./operator.ts";

const USAGE = `Usage: npm run events -- list [--status STATUS] [--type TYPE] [--customer CUS]
                             [--since WHEN] [--limit N] [--json]
       npm run events -- show ID [--json]
       npm run events -- replay ID… | --failed
       npm run events -- dismiss ID…

Works on the database in MIGRATION_DATABASE_URL, or on the embedded one of a running \`npm start\`.
docs/stripe_events.md says what becomes of events, and how to do all this by SQL.

  list     the newest events first; --status ${STATUSES.join(", ")};
           --type invoice.paid, or the beginning of types: invoice.*; --since 90m, 24h, 7d or a date
  show     all that is known of one event, with what Stripe sent
  replay   processes events again, whatever became of them; --failed: all that failed
  dismiss  takes events that are pending, foreign or failed off the list

Exits with 0; with 1 when an event was left alone; with 2 when it could not be asked.`;

const OPTIONS = {
  status: { type: "string" },
  type: { type: "string" },
  customer: { type: "string" },
  since: { type: "string" },
  limit: { type: "string", default: "50" },
  failed: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

export async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = argumentsOf(args, OPTIONS, USAGE);
  const [command, ...ids] = positionals;
  if (values.help) return console.log(USAGE);
  switch (command) {
    case "list":
      refuseWords(ids, USAGE);
      return list(values);
    case "show":
      return show(oneId(ids), values.json);
    case "replay":
      return values.failed
        ? asOperator(async (client) => act(client, "replay", await failed(client)))
        : asOperatorOf(ids, "replay");
    case "dismiss":
      return asOperatorOf(ids, "dismiss");
    default:
      throw new ConfigError(`Say list, show, replay or dismiss.\n\n${USAGE}`);
  }
}

type ListOptions = {
  status?: string;
  type?: string;
  customer?: string;
  since?: string;
  limit: string;
  json: boolean;
};

type Listed = {
  id: string;
  type: string;
  status: string;
  customer_id: string | null;
  received_at: Date;
  reason: string | null;
};

async function list(options: ListOptions): Promise<void> {
  if (!/^[1-9]\d{0,5}$/.test(options.limit)) {
    throw new ConfigError("--limit must be a number from 1 on");
  }
  const filters = [
    statusFrom(options.status),
    options.type?.replace(/[\\_%]/g, "\\$&").replace(/\*$/, "%"),
    options.customer,
    sinceFrom(options.since),
    Number(options.limit),
  ];
  await asOperator(async (client) => {
    const { rows } = await client.query<Listed>(
      `select id, type, status, customer_id, received_at, reason
      from app_private.stripe_events
      where ($1::text is null or status = $1)
      and ($2::text is null or type like $2)
      and ($3::text is null or customer_id = $3)
      and ($4::timestamptz is null or received_at >= $4)
      order by received_at desc, id desc
      limit $5`,
      filters,
    );
    if (options.json) return console.log(JSON.stringify(rows, null, 2));
    if (rows.length === 0) return console.log("There is no such event.");
    printTable([
      ["ID", "STATUS", "TYPE", "CUSTOMER", "RECEIVED", "REASON"],
      ...rows.map((event) => [
        event.id,
        event.status,
        event.type,
        event.customer_id ?? "",
        event.received_at.toISOString(),
        (event.reason ?? "").split("\n", 1)[0]?.slice(0, 100) ?? "",
      ]),
    ]);
  });
}

async function show(id: string, json: boolean): Promise<void> {
  await asOperator(async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(
      "select * from app_private.stripe_events where id = $1",
      [id],
    );
    const [event] = rows;
    if (event === undefined) {
      throw new Error(`There is no event ${id}. It may have been forgotten, or never come.`);
    }
    if (json) return console.log(JSON.stringify(event, null, 2));
    const { payload, ...facts } = event;
    printTable(Object.entries(facts).map(([name, value]) => [name, textOf(value)]));
    console.log(`\n${JSON.stringify(payload, null, 2)}`);
  });
}

function asOperatorOf(ids: readonly string[], what: "replay" | "dismiss"): Promise<void> {
  const known = idsOf(ids);
  return asOperator((client) => act(client, what, known));
}

/** Does to each what it is told; what can't be is said, and the others are done all the same. */
async function act(
  client: pg.Client,
  what: "replay" | "dismiss",
  ids: readonly string[],
): Promise<void> {
  for (const [index, id] of ids.entries()) {
    let outcome = what === "replay" ? "waits to be processed again" : "dismissed";
    try {
      await client.query(`select app_private.${what}_stripe_event($1)`, [id]);
    } catch (error) {
      if (!(error instanceof Error) || Reflect.get(error, "code") !== "INPUT") throw error;
      outcome = error.message;
      process.exitCode = 1;
    }
    console.log(`${index + 1}/${ids.length}  event ${id}: ${outcome}`);
  }
  if (ids.length === 0) console.log("There is no such event.");
}

async function failed(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    "select id from app_private.stripe_events where status = 'failed' order by received_at",
  );
  return rows.map(({ id }) => id);
}

function oneId(ids: readonly string[]): string {
  const [id] = idsOf(ids);
  if (id === undefined || ids.length > 1) throw new ConfigError(`Name one event.\n\n${USAGE}`);
  return id;
}

function idsOf(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) throw new ConfigError(`Name an event.\n\n${USAGE}`);
  const odd = ids.find((id) => !/^evt_\w{1,250}$/.test(id));
  if (odd !== undefined) throw new ConfigError(`"${odd}" is no event's id: those begin with evt_`);
  return ids;
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

if (import.meta.main) await runCommand("events", main);
