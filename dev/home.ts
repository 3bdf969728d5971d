/** The directory in which `npm start` keeps its data: one instance at a time, secrets made once. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { OperatorError } from "./operator_error.ts";

/** Made at the first start and kept: the data directory and open sessions depend on them. */
export type Secrets = {
  postgresPassword: string;
  rolePasswords: {
    rowhouse_server: string;
    rowhouse_worker: string;
    rowhouse_migrator: string;
  };
  authSecret: string;
  stripeWebhookSecret: string;
};

/** The result code of a lock that someone else holds. */
const SQLITE_BUSY = 5;

export type Home = {
  directory: string;
  /** Where the embedded PostgreSQL of this home keeps its data. */
  postgresDirectory: string;
  secrets: Secrets;
  release(): Promise<void>;
};

/** Someone else holds the home's lock. */
export class HomeInUseError extends OperatorError {
  override name = "HomeInUseError";
  /** The holder; undefined in the moment before it has told. */
  readonly pid: number | undefined;

  constructor(directory: string, pid: number | undefined, cause: unknown) {
    super(
      `Rowhouse already runs on ${directory} (process ${pid ?? "unknown"}). Stop it with \`kill ${pid ?? "<its id>"}\`, or choose another ROWHOUSE_HOME.`,
      { cause },
    );
    this.pid = pid;
  }
}

/** Creates or opens a home and holds its lock until released; rejects with an OperatorError. */
export async function openHome(path: string): Promise<Home> {
  const directory = resolve(path);
  // As root, PostgreSQL runs as another user, who must be able to pass through, though not to list.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    await mkdir(directory, { recursive: true, mode });
    await chmod(directory, mode);
  } catch (error) {
    throw unusableHome(directory, error);
  }
  const release = await lock(directory);
  try {
    const secrets = (await readSecrets(directory)) ?? (await createSecrets(directory));
    return { directory, postgresDirectory: postgresDirectory(directory), secrets, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The secrets of a home; undefined when it has none yet. */
export async function readSecrets(directory: string): Promise<Secrets | undefined> {
  const path = secretsPath(directory);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unusableSecrets(path, error);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isSecrets(value)) return value;
  } catch (error) {
    throw unusableSecrets(path, error);
  }
  throw unusableSecrets(path, undefined);
}

function unusableSecrets(path: string, cause: unknown): OperatorError {
  return new OperatorError(
    `${path} can't be read as secrets. Restore it from a backup, or remove the whole directory it is in to start afresh.`,
    { cause },
  );
}

/**
 * SQLite's exclusive lock is one of the kernel's: it is gone the moment its process is, whatever
 * killed it, and no reused process id can be taken for its holder.
 */
async function lock(directory: string): Promise<() => Promise<void>> {
  const pidFile = join(directory, "pid");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, "lock"), { timeout: 0 });
    database.exec("begin exclusive");
  } catch (error) {
    database?.close();
    if (!isBusy(error)) throw unusableHome(directory, error);
    const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
    throw new HomeInUseError(directory, pid > 0 ? pid : undefined, error);
  }
  await writeFile(pidFile, `${process.pid}\n`);
  const held = database;
  return async function release() {
    if (!held.isOpen) return;
    await rm(pidFile, { force: true });
    held.close();
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function unusableHome(directory: string, cause: unknown): OperatorError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OperatorError(
    `${directory} can't be used: ${reason}. Choose another ROWHOUSE_HOME, or make it yours with chown.`,
    { cause },
  );
}

async function createSecrets(directory: string): Promise<Secrets> {
  const random = () => randomBytes(24).toString("base64url");
  const secrets: Secrets = {
    postgresPassword: random(),
    rolePasswords: {
      rowhouse_server: random(),
      rowhouse_worker: random(),
      rowhouse_migrator: random(),
    },
    authSecret: randomBytes(48).toString("base64url"),
    stripeWebhookSecret: `whsec_${random()}`,
  };
  // Written aside, flushed and renamed: whoever reads sees the whole file or none.
  const path = secretsPath(directory);
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  return secrets;
}

/** The data directory of a home's embedded PostgreSQL. */
export function postgresDirectory(home: string): string {
  return join(resolve(home), "postgres");
}

function secretsPath(directory: string): string {
  return join(directory, "secrets.json");
}

function isSecrets(value: unknown): value is Secrets {
  const top = ["postgresPassword", "authSecret", "stripeWebhookSecret"];
  const roles = ["rowhouse_server", "rowhouse_worker", "rowhouse_migrator"];
  return hasTexts(value, top) && "rolePasswords" in value && hasTexts(value.rolePasswords, roles);
}

function hasTexts(value: unknown, names: readonly string[]): value is object {
  if (typeof value !== "object" || value === null) return false;
  return names.every((name) => {
    const text: unknown = Reflect.get(value, name);
    return typeof text === "string" && text !== "";
  });
}
