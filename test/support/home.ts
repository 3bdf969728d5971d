/** Homes in temporary directories, and processes that hold them. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { test as base } from "./index.ts";

const HOLDER = fileURLToPath(new URL("postgres_holder.ts", import.meta.url));

/** Starts a process that runs a server on `home`; `ready` has the server's port. */
export function holdHome(home: string): { child: ChildProcess; ready: Promise<number> } {
  const child = spawn(process.execPath, [HOLDER, home], { stdio: ["ignore", "pipe", "inherit"] });
  const ready = once(child.stdout, "data").then(([line]) => Number(String(line)));
  return { child, ready };
}

/** Kills as `kill -9` does and waits until it is gone. */
export async function killHard(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** `test` with `scratch`, a directory for the file, and `quick`, the same for one test. */
export const test = base.extend<{ $file: { scratch: string }; $test: { quick: string } }>({
  scratch: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed
    async ({}, use) => {
      await withDirectory(use);
    },
    { scope: "file" },
  ],
  // oxlint-disable-next-line no-empty-pattern -- as above
  quick: async ({}, use) => {
    await withDirectory(use);
  },
});

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "rowhouse-home-"));
  // As root, the server runs as another user, who must get through.
  await chmod(directory, 0o711);
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
