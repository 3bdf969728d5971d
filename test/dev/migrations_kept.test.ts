import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { keepMigrations } from "../../dev/migrations_kept.ts";
import { expect, test } from "../support/index.ts";

/** A directory of migrations, which `spoil` leaves as a commit that failed would. */
async function withMigrations(
  use: (directory: string, spoil: () => Promise<void>) => Promise<void>,
) {
  const directory = await mkdtemp(join(tmpdir(), "rowhouse-test-"));
  try {
    await mkdir(join(directory, "committed"));
    await writeFile(join(directory, "committed", "000001.sql"), "as committed");
    await writeFile(join(directory, "current.sql"), "as written");
    await use(directory, async () => {
      await rm(join(directory, "committed", "000001.sql"));
      await writeFile(join(directory, "committed", "000002.sql"), "half-way");
      await writeFile(join(directory, "current.sql"), "half-way");
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function contents(directory: string) {
  const current = await readFile(join(directory, "current.sql"), "utf8");
  return { committed: await readdir(join(directory, "committed")), current };
}

test("a commit that fails leaves the migrations as they were", async () => {
  await withMigrations(async (directory, spoil) => {
    const failed = async () => {
      await using _files = await keepMigrations(directory);
      await spoil();
      throw new Error("The migration does not run");
    };
    await expect(failed()).rejects.toThrow("does not run");
    expect(await contents(directory)).toEqual({ committed: ["000001.sql"], current: "as written" });
  });
});

test("a commit that succeeds stays", async () => {
  await withMigrations(async (directory, spoil) => {
    {
      await using files = await keepMigrations(directory);
      await spoil();
      files.letGo();
    }
    expect(await contents(directory)).toEqual({ committed: ["000002.sql"], current: "half-way" });
  });
});
