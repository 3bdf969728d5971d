/**
 * PostgreSQL refuses to run as root, so when we are root it runs as another user. That user may be
 * unable to reach our directories (`/root` has mode 700): what it needs then lives in /var/lib.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readlink, stat, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { OperatorError } from "./operator_error.ts";

/** Whom the server runs as; undefined means as ourselves. */
export type Account = { uid: number; gid: number } | undefined;

/** Where the server's user finds what it can't reach among our own files. */
export const SHARED_ROOT = "/var/lib/rowhouse";

/** The account for the server of `directory`: the owner of its data, else postgres, else nobody. */
export async function serverAccount(directory: string): Promise<Account> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await stat(directory).catch(() => undefined);
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  return (await accountNamed("postgres")) ?? (await accountNamed("nobody")) ?? noAccount();
}

function noAccount(): never {
  throw new OperatorError(
    "PostgreSQL can't run as root, and there is no user postgres or nobody. Run `useradd postgres`, or run as an ordinary user.",
  );
}

async function accountNamed(name: string): Promise<Account> {
  const run = promisify(execFile);
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** Whether `account` may pass through every directory above `path`. */
export async function canReach(account: Account, path: string): Promise<boolean> {
  if (account === undefined) return true;
  for (let current = dirname(resolve(path)); ; current = dirname(current)) {
    const { mode, uid, gid } = await stat(current);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (current === dirname(current)) return true;
  }
}

/**
 * The directory to really use for `directory`: itself, or one below /var/lib/rowhouse with a
 * symbolic link in its place. The link, not a hash of the path, is what leads there: a home that
 * was moved keeps its data, and one that was deleted starts afresh.
 */
export async function reachableDirectory(directory: string, account: Account): Promise<string> {
  await mkdir(dirname(directory), { recursive: true });
  const existing = await lstat(directory).catch(() => undefined);
  if (existing?.isSymbolicLink() === true) {
    return resolve(dirname(directory), await readlink(directory));
  }
  if (await canReach(account, directory)) return directory;
  if (existing !== undefined) {
    throw new OperatorError(
      `The user that runs PostgreSQL can't reach ${directory}. Run \`chmod o+x\` on the directories above it.`,
    );
  }
  const target = join(SHARED_ROOT, `postgres-${randomBytes(6).toString("hex")}`);
  await makeSharedRoot(directory);
  await symlink(target, directory);
  return target;
}

/** Creates /var/lib/rowhouse, open to pass through but not to list. */
export async function makeSharedRoot(neededFor: string): Promise<void> {
  try {
    await mkdir(SHARED_ROOT, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new OperatorError(
      `The user that runs PostgreSQL can't reach ${neededFor}, and ${SHARED_ROOT} can't be created. Run \`chmod o+x\` on the directories above the former.`,
      { cause: error },
    );
  }
}
