import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

/** Files that come back when it is closed, unless they were let go of before. */
export type KeptMigrations = AsyncDisposable & { letGo(): void };

/**
 * Remembers the migrations as they are. graphile-migrate moves a migration before it tries it, and
 * one that fails would be left half-way: neither committed nor as it was written.
 */
export async function keepMigrations(directory: string = MIGRATIONS): Promise<KeptMigrations> {
  const copy = await mkdtemp(join(tmpdir(), "rowhouse-migrations-"));
  const parts = ["current.sql", "committed"];
  for (const part of parts) {
    await cp(join(directory, part), join(copy, part), { recursive: true });
  }
  let needed = true;
  return {
    letGo() {
      needed = false;
    },
    async [Symbol.asyncDispose]() {
      for (const part of needed ? parts : []) {
        await rm(join(directory, part), { recursive: true });
        await cp(join(copy, part), join(directory, part), { recursive: true });
      }
      await rm(copy, { recursive: true });
    },
  };
}
