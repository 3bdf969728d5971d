/** What to attack: a database by three logins, and the server that runs on it. */
import { openTarget } from "../dev/migrations_target.ts";
import { parseAttackConfig } from "../server/config.ts";
import type { Options } from "./options.ts";

export type AttackTarget = AsyncDisposable & {
  migrator: string;
  server: string;
  worker: string;
  /** Where the server answers; not asked yet whether it does. */
  url: string;
};

/** Why an attack can't even be tried. Its message is for whoever started it. */
export class TargetError extends Error {
  override name = "TargetError";
}

/** Finds the target, in the environment or as the database of a running `npm start`. */
export async function openAttackTarget(
  env: NodeJS.ProcessEnv,
  { database, server: serverUrl, mayPlantInProduction }: Options,
): Promise<AttackTarget> {
  const config = parseAttackConfig(
    database === undefined ? env : { ...env, MIGRATION_DATABASE_URL: database },
  );
  if (config.isProduction && !mayPlantInProduction) {
    throw new TargetError(
      "NODE_ENV is production. The attack plants rows, signs people in, cancels statements and kills " +
        "connections. Say --yes-plant-rows if that is what you want.",
    );
  }
  const url = serverUrl ?? config.publicUrl;
  if (config.logins !== undefined) {
    return { ...config.logins, url, [Symbol.asyncDispose]: async () => {} };
  }
  const target = await openTarget(env);
  const { databaseUrl: migrator, serverUrl: server, workerUrl: worker } = target;
  if (worker === undefined) throw new TargetError("WORKER_DATABASE_URL is not set");
  const dispose = () => target[Symbol.asyncDispose]();
  return { migrator, server, worker, url, [Symbol.asyncDispose]: dispose };
}

/** Throws when no server answers there. */
export async function requireServer(url: string): Promise<void> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(10_000) });
    if (response.ok) return;
    throw new Error(`it answered ${response.status} ${await response.text()}`);
  } catch (error) {
    const reason = error instanceof Error ? (error.cause ?? error.message) : error;
    throw new TargetError(
      `No server answers at ${url}: ${String(reason)}\nStart it (npm start), or name it with --server; --only catalog needs none.`,
      { cause: error },
    );
  }
}
