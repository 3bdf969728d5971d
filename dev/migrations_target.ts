/** Which database the db:* scripts work on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseStartConfig } from "../server/config.ts";
import { readEnvironment } from "../server/environment.ts";
import { bootstrapDatabase, connectionUrls, DATABASE_NAME, urlFor } from "./bootstrap.ts";
import { HomeInUseError, openHome, postgresDirectory, readSecrets, type Secrets } from "./home.ts";
import { OperatorError } from "./operator_error.ts";
import { startEmbeddedPostgres } from "./postgres.ts";
import { runningServer } from "./postgres_lock.ts";

const SHADOW_NAME = `${DATABASE_NAME}_shadow`;

export type Target = AsyncDisposable & {
  databaseUrl: string;
  /** The server's login, to see what it sees; throws when a database of yours came without it. */
  readonly serverUrl: string;
  /** The worker's login; undefined for a database of yours. */
  workerUrl: string | undefined;
  rootUrl: string;
  shadowUrl: string;
  /** Whether it is the embedded server's, and so nobody's but this checkout's. */
  embedded: boolean;
  /** The process that holds the home, when it is not ours. */
  inUseBy: number | undefined;
};

/** Opens the target that `env` names; the embedded server is started if it does not run. */
export async function openTarget(env: NodeJS.ProcessEnv): Promise<Target> {
  const given = readEnvironment(env, (read) =>
    read.optionalText("MIGRATION_DATABASE_URL") === undefined
      ? undefined
      : {
          databaseUrl: read.postgresUrl("MIGRATION_DATABASE_URL"),
          rootUrl: read.postgresUrl("ROOT_DATABASE_URL"),
          shadowUrl: read.postgresUrl("SHADOW_DATABASE_URL"),
          server: read.optionalPostgresUrl("DATABASE_URL"),
        },
  );
  if (given === undefined) return openEmbedded(env);
  const database = decodeURIComponent(new URL(given.databaseUrl).pathname.slice(1));
  await bootstrapDatabase({ superuserUrl: given.rootUrl, database });
  return {
    ...given,
    get serverUrl() {
      if (given.server !== undefined) return given.server;
      throw new OperatorError("DATABASE_URL is not set. Give the login of rowhouse_server there.");
    },
    workerUrl: undefined,
    embedded: false,
    inUseBy: undefined,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** An embedded server of nobody's, gone when it is closed. */
export async function openScratch(): Promise<Target> {
  const home = await mkdtemp(join(tmpdir(), "rowhouse-scratch-"));
  try {
    const target = await openEmbedded({ ROWHOUSE_HOME: home, EMBEDDED_POSTGRES_PORT: "0" });
    return {
      ...target,
      async [Symbol.asyncDispose]() {
        await target[Symbol.asyncDispose]();
        await rm(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function openEmbedded(env: NodeJS.ProcessEnv): Promise<Target> {
  const { home: path, embeddedPostgresPort } = parseStartConfig({
    ...env,
    // Only where the embedded server is matters here.
    DATABASE_URL: undefined,
  });
  try {
    const home = await openHome(path);
    try {
      const server = await startEmbeddedPostgres({
        directory: home.postgresDirectory,
        port: embeddedPostgresPort,
        password: home.secrets.postgresPassword,
      });
      const dispose = async () => {
        await server.stop();
        await home.release();
      };
      return await embeddedTarget(server.superuserUrl(), home.secrets, undefined, dispose);
    } catch (error) {
      await home.release();
      throw error;
    }
  } catch (error) {
    if (!(error instanceof HomeInUseError)) throw error;
    return joinRunning(path, error);
  }
}

/** Uses the server of the `npm start` that holds the home. */
async function joinRunning(path: string, inUse: HomeInUseError): Promise<Target> {
  const server = await runningServer(postgresDirectory(path));
  const secrets = await readSecrets(path);
  if (server === undefined || secrets === undefined) {
    throw new OperatorError(
      `${inUse.message} (It has no database running: it may be starting, or use DATABASE_URL.)`,
      { cause: inUse },
    );
  }
  const password = encodeURIComponent(secrets.postgresPassword);
  const url = `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`;
  return embeddedTarget(url, secrets, inUse.pid, async () => {});
}

async function embeddedTarget(
  superuserUrl: string,
  { rolePasswords: passwords }: Secrets,
  inUseBy: number | undefined,
  dispose: () => Promise<void>,
): Promise<Target> {
  const options = { superuserUrl, database: DATABASE_NAME, passwords };
  try {
    await bootstrapDatabase(options);
  } catch (error) {
    await dispose();
    throw error;
  }
  const { migrator, server, worker } = connectionUrls(options);
  return {
    databaseUrl: migrator,
    serverUrl: server,
    workerUrl: worker,
    rootUrl: superuserUrl,
    shadowUrl: urlFor(migrator, SHADOW_NAME),
    embedded: true,
    inUseBy,
    [Symbol.asyncDispose]: dispose,
  };
}
