/** One run of the server program, from spawn to exit. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

import type { Account } from "./postgres_account.ts";

const READY = "database system is ready to accept connections";
/** Crash recovery may have much to replay. */
const READY_MS = 60_000;
const FAST_SHUTDOWN_MS = 4_000;
const IMMEDIATE_SHUTDOWN_MS = 2_000;
const LINES_KEPT = 40;

export type ServerProcess = { stop(): Promise<void> };

/** A program that ended, or was not ready in time, and the last lines it wrote. */
export class ProgramFailure extends Error {
  override name = "ProgramFailure";
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.lines = lines;
  }
}

type Program = {
  file: string;
  args: readonly string[];
  account: Account;
  log: (line: string) => void;
};

/** Runs a program to its end; throws ProgramFailure unless that is a good one. */
export async function runProgram(program: Program): Promise<void> {
  const { lines, exited } = launch(program);
  const outcome = await exited;
  if (outcome !== "code 0") throw new ProgramFailure(`${program.file} ended: ${outcome}`, lines);
}

/** Starts the server and waits until it accepts connections. */
export async function startServer(
  program: Program & { removeOnDeath: string | undefined },
): Promise<ServerProcess> {
  const { child, lines, exited, seen } = launch(program);
  const timer = Promise.withResolvers<string>();
  const timeout = setTimeout(() => timer.resolve("not ready in time"), READY_MS);
  const ready = seen(READY).then(() => undefined);
  const outcome = await Promise.race([ready, exited, timer.promise]);
  clearTimeout(timeout);
  if (outcome !== undefined) {
    child.kill("SIGQUIT");
    await exited;
    throw new ProgramFailure(`${program.file} ended: ${outcome}`, lines);
  }
  const watchdog = watchOver(child, program.removeOnDeath);
  void exited.then(() => watchdog?.kill());

  let stopping: Promise<void> | undefined;
  return { stop: () => (stopping ??= stop(child, exited)) };
}

/** A fast shutdown ends sessions and writes a checkpoint; an immediate one leaves that to recovery. */
async function stop(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill("SIGINT");
  if (await endsWithin(exited, FAST_SHUTDOWN_MS)) return;
  child.kill("SIGQUIT");
  if (await endsWithin(exited, IMMEDIATE_SHUTDOWN_MS)) return;
  child.kill("SIGKILL");
  await exited;
}

async function endsWithin(exited: Promise<string>, deadlineMs: number): Promise<boolean> {
  const timer = Promise.withResolvers<boolean>();
  const timeout = setTimeout(() => timer.resolve(false), deadlineMs);
  const ended = await Promise.race([exited.then(() => true), timer.promise]);
  clearTimeout(timeout);
  return ended;
}

function launch({ file, args, account, log }: Program) {
  // Detached: a terminal's Ctrl-C goes to every process of the foreground group, and the server is
  // ours to stop, once, after everything that uses it.
  const child = spawn(file, [...args], {
    ...account,
    detached: true,
    cwd: "/",
    // Nothing of our environment: PGDATA and the like would change what it does.
    env: { LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log(line);
      lines.push(line);
      if (lines.length > LINES_KEPT) lines.shift();
      for (const [text, resolve] of waiting) if (line.includes(text)) resolve();
    });
  }
  const { promise: exited, resolve: end } = Promise.withResolvers<string>();
  child.once("error", (error) => end(error.message));
  // "close", not "exit": by then everything that it wrote has been read.
  child.once("close", (code, signal) => end(signal === null ? `code ${code}` : signal));
  const seen = (text: string) => new Promise<void>((resolve) => waiting.set(text, resolve));
  return { child, lines, exited, seen };
}

/**
 * A tiny shell that reads a pipe of ours. The kernel closes the pipe however we die, kill -9
 * included, and the shell then stops the server instead of leaving it to run for ever.
 */
function watchOver(server: ChildProcess, remove: string | undefined): ChildProcess | undefined {
  if (process.platform === "win32" || server.pid === undefined) return undefined;
  const script = `
    cat > /dev/null
    kill -INT "$1" 2> /dev/null
    [ -n "$2" ] || exit 0
    for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2> /dev/null || break; sleep 1; done
    rm -rf "$2"`;
  return spawn("/bin/sh", ["-c", script, "rowhouse-watchdog", String(server.pid), remove ?? ""], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
}
