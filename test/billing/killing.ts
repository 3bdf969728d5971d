/** Runs a process of ours between two proxies, and kills it at one boundary, or at none. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { withClient } from "../support/server.ts";
import { waitUntil } from "../support/wait_until.ts";
import { outliveWorker } from "../support/worker_time.ts";
import { makeFailpoints, type Boundary, type Failpoint, type Failpoints } from "./failpoints.ts";
import { startPostgresProxy } from "./postgres_proxy.ts";
import { startStripeProxy, type SentMail } from "./stripe_proxy.ts";
import type { Orders } from "./victim.ts";

const VICTIM = fileURLToPath(new URL("victim.ts", import.meta.url));
const DEADLINE_MS = 20_000;

export type Scene = {
  urls: { superuser: string; worker: string; server: string };
  stripeUrl: string;
  mails: SentMail[];
};

export type Ran = { seen: readonly Boundary[]; wasKilled: boolean };

/** Processes that have booted, so that the next one is ready when this one has died. */
export type Victims = { next(): Promise<ChildProcess> } & AsyncDisposable;

export function bootVictims(ahead: number): Victims {
  const waiting = Array.from({ length: ahead }, boot);
  const all = [...waiting];
  return {
    async next() {
      const another = boot();
      waiting.push(another);
      all.push(another);
      return await (waiting.shift() ?? another);
    },
    async [Symbol.asyncDispose]() {
      for (const child of await Promise.all(all)) await killed(child);
    },
  };
}

async function boot(): Promise<ChildProcess> {
  const child = fork(VICTIM, [], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(child, "message");
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Has a worker do what is due, until it dies at `target`; without one, until nothing is due. */
export async function runWorker(victims: Victims, scene: Scene, target?: Failpoint): Promise<Ran> {
  const child = await victims.next();
  const failpoints = makeFailpoints(target, () => child.kill("SIGKILL"));
  await using database = await startPostgresProxy(new URL(scene.urls.worker), failpoints);
  await using stripe = await startStripeProxy(new URL(scene.stripeUrl), failpoints, scene.mails);
  order(child, {
    role: "worker",
    databaseUrl: through(scene.urls.worker, database.port),
    stripeUrl: `http://127.0.0.1:${stripe.port}`,
  });
  await untilOver(scene, failpoints);
  // The last statement leaves nothing to do a moment before its answer, at which it is to die.
  if (target !== undefined) await waitUntil(() => failpoints.isDead).catch(() => undefined);
  await killed(child);
  await releaseJobs(scene);
  return { seen: failpoints.seen, wasKilled: failpoints.isDead };
}

/** Has a receiver take webhooks, at the URL that `use` gets, until it dies at `target`. */
export async function runReceiver(
  victims: Victims,
  scene: Scene,
  { secret, target }: { secret: string; target?: Failpoint },
  use: (url: string) => Promise<void>,
): Promise<Ran> {
  const child = await victims.next();
  const failpoints = makeFailpoints(target, () => child.kill("SIGKILL"));
  await using database = await startPostgresProxy(new URL(scene.urls.server), failpoints, {
    isArmed: true,
  });
  const listening = once(child, "message");
  order(child, {
    role: "receiver",
    databaseUrl: through(scene.urls.server, database.port),
    secret,
  });
  const [url] = (await listening) as [string];
  await use(url);
  // The workers are told behind the answer.
  const isTold = () => failpoints.seen.some(({ label }) => label.includes("pg_notify"));
  await waitUntil(() => failpoints.isDead || (target === undefined && isTold()), {
    deadlineMs: DEADLINE_MS,
    everyMs: 20,
  });
  await killed(child);
  return { seen: failpoints.seen, wasKilled: failpoints.isDead };
}

function order(child: ChildProcess, orders: Orders): void {
  child.send(orders);
}

function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.hostname = "127.0.0.1";
  changed.port = String(port);
  return changed.href;
}

/** Waits until the worker has died, or has nothing to do. */
async function untilOver({ urls }: Scene, failpoints: Failpoints): Promise<void> {
  await withClient(urls.superuser, async (client) => {
    const isOver = async () => {
      if (failpoints.isDead) return true;
      const { rows } = await client.query(
        "select from graphile_worker._private_jobs where locked_at is not null or run_at <= now()",
      );
      return rows.length === 0;
    };
    await waitUntil(isOver, { deadlineMs: DEADLINE_MS, everyMs: 20 });
  });
}

/** What the next worker does when it starts, once this one is dead for long enough. */
async function releaseJobs({ urls }: Scene): Promise<void> {
  await withClient(urls.superuser, async (client) => {
    await outliveWorker(client, "victim-worker");
    await client.query("select app_private.release_dead_jobs()");
    await client.query(
      "update graphile_worker._private_jobs set run_at = least(run_at, now()) where attempts > 0",
    );
  });
}
