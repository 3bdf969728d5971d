import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

import { connect, type BenchDatabase, type BenchServer } from "./database.ts";

const run = promisify(execFile);

/**
 * Gives this process one CPU and the database server another, for as long as the result is held.
 * Left alone, the kernel moves the two sides' backends about, and a round trip takes twice as long
 * or not by where they happen to be: more than anything that is measured here. Says what it did;
 * does nothing where Linux's taskset is missing or the server isn't on this machine.
 */
export async function separateCpus(
  server: BenchServer,
  { urls }: BenchDatabase,
): Promise<AsyncDisposable & { note: string }> {
  const stack = new AsyncDisposableStack();
  const held = (note: string) => ({ note, [Symbol.asyncDispose]: () => stack.disposeAsync() });
  if (server.overSocket(urls.superuser) === undefined)
    return held("the server is not on this machine");
  if (availableParallelism() < 2) return held("there is one CPU only");
  try {
    const postmaster = await postmasterOf(urls.superuser);
    await pin(stack, process.pid, 0);
    // Whoever connects from now on gets a process that inherits it.
    await pin(stack, postmaster, 1);
  } catch (error) {
    await stack.disposeAsync();
    return held(`not pinned to CPUs: ${error instanceof Error ? error.message : String(error)}`);
  }
  return held("this process had CPU 0, the database server CPU 1");
}

async function postmasterOf(superuserUrl: string): Promise<number> {
  await using client = await connect(superuserUrl);
  const { rows } = await client.query<{ pid: string }>(
    "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid",
  );
  const pid = Number(rows[0]?.pid);
  const name = await readFile(`/proc/${pid}/comm`, "utf8");
  if (!name.startsWith("postgres")) throw new Error(`process ${pid} is no PostgreSQL server`);
  return pid;
}

/** Moves all threads of a process to one CPU, and back when the stack is disposed of. */
async function pin(stack: AsyncDisposableStack, pid: number, cpu: number): Promise<void> {
  const { stdout } = await run("taskset", ["-pc", String(pid)]);
  const before = stdout.split(":").at(-1)?.trim() ?? "";
  const moveTo = (cpus: string) => run("taskset", ["-apc", cpus, String(pid)]);
  await moveTo(String(cpu));
  stack.defer(async () => void (await moveTo(before)));
}
