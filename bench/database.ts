import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { migrate } from "../cli/migrate.ts";
import { bootstrapDatabase, connectionUrls, type ConnectionUrls } from "../dev/bootstrap.ts";
import { startEmbeddedPostgres } from "../dev/postgres.ts";

/** A migrated database of this run's own. */
export type BenchDatabase = AsyncDisposable & { urls: ConnectionUrls; postgresVersion: string };

/** Opens a database on the server of `givenUrl`, or else on an embedded one; takes it away again. */
export async function openDatabase(givenUrl: string | undefined): Promise<BenchDatabase> {
  const stack = new AsyncDisposableStack();
  try {
    const superuserUrl = givenUrl ?? (await startServer(stack));
    const database = `rowhouse_bench_${randomBytes(4).toString("hex")}`;
    const password = () => randomBytes(18).toString("base64url");
    const options = {
      superuserUrl,
      database,
      passwords: {
        rowhouse_server: password(),
        rowhouse_worker: password(),
        rowhouse_migrator: password(),
      },
    };
    if (givenUrl !== undefined) stack.defer(() => dropDatabase(givenUrl, database));
    await bootstrapDatabase(options);
    const urls = connectionUrls(options);
    await migrate({ databaseUrl: urls.migrator, current: true });
    return {
      urls,
      postgresVersion: await versionOf(urls.superuser),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** A connection that closes itself. */
export async function connect(connectionString: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  // A server that stops cuts its connections; the next query tells.
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

async function startServer(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "rowhouse-bench-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const password = randomBytes(18).toString("base64url");
  const server = stack.use(
    await startEmbeddedPostgres({ directory, port: 0, password, ephemeral: true }),
  );
  return server.superuserUrl();
}

async function dropDatabase(url: string, database: string): Promise<void> {
  await using client = await connect(url);
  await client.query(`drop database if exists ${database} with (force)`);
}

async function versionOf(url: string): Promise<string> {
  await using client = await connect(url);
  const { rows } = await client.query<{ server_version: string }>("show server_version");
  return rows[0]?.server_version ?? "unknown";
}
