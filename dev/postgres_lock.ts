/**
 * What an earlier, killed run may have left on a data directory: a server that still runs, or only
 * its `postmaster.pid`. The caller holds the home's lock, so whatever runs there is an orphan.
 */
import { execFile } from "node:child_process";
import { readFile, readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import { OperatorError } from "./operator_error.ts";

const FAST_SHUTDOWN_MS = 5_000;
const IMMEDIATE_SHUTDOWN_MS = 3_000;
const POLL_MS = 20;

/** The server that runs on `directory`, if one does. */
export async function runningServer(
  directory: string,
): Promise<{ pid: number; port: number } | undefined> {
  const text = await readFile(join(directory, "postmaster.pid"), "utf8").catch(() => "");
  // Line 1 is the process, line 4 the port.
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  if (!(await isServerOn(directory, pid))) return undefined;
  return { pid, port: Number(lines[3]) };
}

/** Stops a server that was left on `directory`, and removes a pid file that means nothing. */
export async function clearDirectory(
  directory: string,
  log: (line: string) => void,
): Promise<void> {
  const server = await runningServer(directory);
  if (server === undefined) {
    // The number in it may by now belong to any process, and PostgreSQL would refuse to start.
    await rm(join(directory, "postmaster.pid"), { force: true });
    return;
  }
  log(`Stopping the PostgreSQL that an earlier run left behind (process ${server.pid})`);
  if (await stopped(directory, server.pid, "SIGINT", FAST_SHUTDOWN_MS)) return;
  if (await stopped(directory, server.pid, "SIGQUIT", IMMEDIATE_SHUTDOWN_MS)) return;
  throw new OperatorError(
    `A PostgreSQL that was left behind on ${directory} does not stop. Run \`kill -9 ${server.pid}\` and start again.`,
  );
}

async function stopped(
  directory: string,
  pid: number,
  signal: NodeJS.Signals,
  deadlineMs: number,
): Promise<boolean> {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, or not ours to stop; the loop finds out which.
  }
  for (const end = Date.now() + deadlineMs; Date.now() < end; await delay(POLL_MS)) {
    if (!(await isServerOn(directory, pid))) return true;
  }
  return false;
}

/** Whether process `pid` is a postgres whose data is in `directory`. */
async function isServerOn(directory: string, pid: number): Promise<boolean> {
  const real = await realpath(directory).catch(() => directory);
  if (process.platform === "linux") {
    // A server's working directory is its data directory; a process that ended has none.
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return cwd === real;
  }
  const run = promisify(execFile);
  const command = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => undefined);
  const text = command?.stdout ?? "";
  return text.includes("postgres") && (text.includes(directory) || text.includes(real));
}
