/** npm run jobs: the queue as an operator sees it, and what to do about a job that failed. */
import type pg from "pg";

import { ConfigError } from "../server/config.ts";
import { argumentsOf, asOperator, printTable, refuseWords, runCommand } from "./operator.ts";

const STATES = ["failed", "stuck", "paused", "retrying", "running", "waiting", "superseded"];

const USAGE = `Usage: npm run jobs -- list [--state STATE] [--task TASK] [--limit N] [--json]
       npm run jobs -- show ID [--json]
       npm run jobs -- retry ID… | --failed [--task TASK]
       npm run jobs -- dismiss ID…

Works on the database in MIGRATION_DATABASE_URL, or on the embedded one of a running \`npm start\`.

  list     the jobs there are, what needs you first; --state ${STATES.join(", ")}
  show     all that is known of one job; of its payload the ids only
  retry    runs jobs at once, with all their attempts anew; --failed: all that failed for good
  dismiss  removes jobs for good

Exits with 0; with 1 when a job was left alone; with 2 when it could not be asked.`;

type Job = {
  id: string;
  task: string;
  state: string;
  attempts: number;
  max_attempts: number;
  run_at: Date;
  last_error: string | null;
};

const OPTIONS = {
  state: { type: "string" },
  task: { type: "string" },
  limit: { type: "string", default: "100" },
  failed: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = argumentsOf(args, OPTIONS, USAGE);
  const [command, ...ids] = positionals;
  if (values.help) return console.log(USAGE);
  switch (command) {
    case "list":
      refuseWords(ids, USAGE);
      return asOperator((client) => list(client, values));
    case "show":
      return asOperator((client) => show(client, oneId(ids), values.json));
    case "retry":
      return asOperator(async (client) =>
        act(client, "retry_job", values.failed ? await failed(client, values.task) : idsOf(ids)),
      );
    case "dismiss":
      return asOperator((client) => act(client, "dismiss_job", idsOf(ids)));
    default:
      throw new ConfigError(`Say list, show, retry or dismiss.\n\n${USAGE}`);
  }
}

type ListOptions = { state?: string; task?: string; limit: string; json: boolean };

async function list(client: pg.Client, { state, task, limit, json }: ListOptions): Promise<void> {
  if (state !== undefined && !STATES.includes(state)) {
    throw new ConfigError(`No job is ever "${state}": it is ${STATES.join(", ")}`);
  }
  if (!/^[1-9]\d{0,5}$/.test(limit)) throw new ConfigError("--limit must be a number from 1 on");
  const jobs = await jobsOf(client, state, task, Number(limit));
  if (json) return console.log(JSON.stringify(jobs, null, 2));
  if (jobs.length === 0) return console.log("There is no such job.");
  printTable([
    ["ID", "STATE", "TASK", "ATTEMPTS", "NEXT", "LAST ERROR"],
    ...jobs.map((job) => [
      job.id,
      job.state,
      job.task,
      `${job.attempts}/${job.max_attempts}`,
      job.state === "failed" ? "never" : job.run_at.toISOString(),
      (job.last_error ?? "").split("\n", 1)[0]?.slice(0, 100) ?? "",
    ]),
  ]);
}

async function show(client: pg.Client, id: string, json: boolean): Promise<void> {
  const { rows } = await client.query<Record<string, unknown>>(
    "select * from app_private.list_jobs(p_limit => null) where id = $1",
    [id],
  );
  const [job] = rows;
  if (job === undefined) throw new Error(`There is no job ${id}. It may have been done.`);
  if (json) return console.log(JSON.stringify(job, null, 2));
  printTable(Object.entries(job).map(([name, value]) => [name, textOf(value)]));
}

/** Does to each what it is told; what is under way or unknown is left alone, and said. */
async function act(
  client: pg.Client,
  what: "retry_job" | "dismiss_job",
  ids: readonly string[],
): Promise<void> {
  for (const [index, id] of ids.entries()) {
    const { rows } = await client.query<{ outcome: string }>(
      `select app_private.${what}($1) as outcome`,
      [id],
    );
    const outcome = rows[0]?.outcome ?? "unknown";
    console.log(`${index + 1}/${ids.length}  job ${id}: ${outcome}`);
    if (outcome !== "retried" && outcome !== "dismissed") process.exitCode = 1;
  }
  if (ids.length === 0) console.log("There is no such job.");
}

async function failed(client: pg.Client, task: string | undefined): Promise<string[]> {
  return (await jobsOf(client, "failed", task, null)).map(({ id }) => id);
}

async function jobsOf(
  client: pg.Client,
  state: string | undefined,
  task: string | undefined,
  limit: number | null,
): Promise<Job[]> {
  const { rows } = await client.query<Job>("select * from app_private.list_jobs($1, $2, $3)", [
    state,
    task,
    limit,
  ]);
  return rows;
}

function oneId(ids: readonly string[]): string {
  const [id] = idsOf(ids);
  if (id === undefined || ids.length > 1) throw new ConfigError(`Name one job.\n\n${USAGE}`);
  return id;
}

function idsOf(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) throw new ConfigError(`Name a job.\n\n${USAGE}`);
  const odd = ids.find((id) => !/^\d{1,18}$/.test(id));
  if (odd !== undefined) throw new ConfigError(`"${odd}" is no job's id: those are numbers`);
  return ids;
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

if (import.meta.main) await runCommand("jobs", main);
