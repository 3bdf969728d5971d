/** The two production processes as they are started in production, to be killed at any moment. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type pg from "pg";

import { waitUntil } from "../../support/wait_until.ts";
import { outliveWorker } from "../../support/worker_time.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const READY_MS = 60_000;

export type Processes = {
  killWorker(): Promise<void>;
  killServer(): Promise<void>;
  ready(): Promise<void>;
} & AsyncDisposable;

/** Starts both with this environment. `admin` is a superuser's connection to their database. */
export function startProcesses(
  environment: Record<string, string>,
  url: string,
  admin: pg.Pool,
): Processes {
  const start = (main: string) =>
    spawn(process.execPath, [`${ROOT}${main}`], {
      stdio: ["ignore", "ignore", "inherit"],
      env: environment,
    });
  let worker = start("tasks/main.ts");
  let server = start("server/main.ts");

  return {
    async killWorker() {
      await kill(worker);
      // The next one releases what this one held, as soon as it is dead for long enough.
      await outliveWorker(admin, "rowhouse-worker");
      worker = start("tasks/main.ts");
    },
    async killServer() {
      await kill(server);
      server = start("server/main.ts");
    },
    async ready() {
      await waitUntil(() => isReady(url), { deadlineMs: READY_MS, everyMs: 50 });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([kill(worker), kill(server)]);
    },
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
