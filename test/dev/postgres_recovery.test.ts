import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { openHome } from "../../dev/home.ts";
import { startEmbeddedPostgres } from "../../dev/postgres.ts";
import { runningServer } from "../../dev/postgres_lock.ts";
import { holdHome, killHard, test } from "../support/home.ts";
import { expect, waitUntil, withClient } from "../support/index.ts";

/** Opens the home as `npm start` does, asks the server something and closes both. */
async function startOnce(directory: string): Promise<string[]> {
  const lines: string[] = [];
  const home = await openHome(directory);
  try {
    await using server = await startEmbeddedPostgres({
      directory: home.postgresDirectory,
      port: 0,
      password: home.secrets.postgresPassword,
      log: (line) => lines.push(line),
    });
    await withClient(server.superuserUrl(), (client) => client.query("select 1"));
  } finally {
    await home.release();
  }
  return lines;
}

test("a server whose owner was killed stops by itself", async ({ scratch }) => {
  const { child, ready } = holdHome(scratch);
  await ready;
  const data = join(scratch, "postgres");
  expect(await runningServer(data)).toBeDefined();

  await killHard(child);
  await waitUntil(async () => (await runningServer(data)) === undefined);
  await startOnce(scratch);
});

test("a server that was left running is stopped by the next start", async ({ scratch }) => {
  const { child, ready } = holdHome(scratch);
  await ready;
  const data = join(scratch, "postgres");
  const server = await runningServer(data);
  for (const pid of await watchdogsOf(server?.pid)) process.kill(pid, "SIGKILL");
  await killHard(child);
  expect(await runningServer(data)).toEqual(server);

  const lines = await startOnce(scratch);
  expect(lines).toContain(
    `Stopping the PostgreSQL that an earlier run left behind (process ${server?.pid})`,
  );
});

test("a pid file that names somebody else's process is no obstacle", async ({ scratch }) => {
  const stranger = spawn("sleep", ["60"]);
  try {
    const file = join(scratch, "postgres", "postmaster.pid");
    await writeFile(file, `${stranger.pid}\n${join(scratch, "postgres")}\n0\n5432\n`);
    await startOnce(scratch);
    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
  } finally {
    stranger.kill();
  }
});

test("a first start that was killed half way is begun again", async ({ quick }) => {
  const { child } = holdHome(quick);
  await waitUntil(async () =>
    (await readdir(quick)).some((name) => /^postgres\.new-\w+$/.test(name)),
  );
  await killHard(child);
  expect(await readdir(quick)).not.toContain("postgres");

  await startOnce(quick);
  expect(await readdir(quick)).toEqual(["lock", "postgres", "secrets.json"]);
});

/** Processes that watch over a server, found by their command line. */
async function watchdogsOf(server: number | undefined): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(`rowhouse-watchdog\0${server}\0`)) found.push(pid);
  }
  return found;
}
