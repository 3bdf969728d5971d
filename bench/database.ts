import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { migrate } from "../cli/migrate.ts";
import { bootstrapDatabase, connectionUrls, type ConnectionUrls } from "../dev/bootstrap.ts";
import { startEmbeddedPostgres } from "../dev/postgres.ts";

/** A migrated database of this run's own. */
export type BenchDatabase = { urls: ConnectionUrls };

/** A server with an empty, migrated database to copy; all that was made there is taken away. */
export type BenchServer = AsyncDisposable & {
  postgresVersion: string;
  createDatabase(): Promise<BenchDatabase>;
  dropDatabase(database: BenchDatabase): Promise<void>;
  /** The same URL by way of the server's unix socket, if it has one that we can reach. */
  overSocket(url: string): string | undefined;
};

/** Opens the server of `givenUrl`, or else an embedded one. */
export async function openServer(givenUrl: string | undefined): Promise<BenchServer> {
  const stack = new AsyncDisposableStack();
  try {
    const superuserUrl = givenUrl ?? (await startServer(stack));
    const password = () => randomBytes(18).toString("base64url");
    const passwords = {
      rowhouse_server: password(),
      rowhouse_worker: password(),
      rowhouse_migrator: password(),
    };
    const names = new Set<string>();
    stack.defer(() => dropAll(superuserUrl, names));
    const nameOne = () => {
      const name = `rowhouse_bench_${randomBytes(4).toString("hex")}`;
      names.add(name);
      return name;
    };
    const template = nameOne();
    await bootstrapDatabase({ superuserUrl, database: template, passwords });
    const urlsOf = (database: string) => connectionUrls({ superuserUrl, database, passwords });
    await migrate({ databaseUrl: urlsOf(template).migrator, current: true });
    const { version, directories } = await describeServer(superuserUrl);

    return {
      postgresVersion: version,
      async createDatabase() {
        const database = nameOne();
        await using client = await connect(superuserUrl);
        await client.query(`create database ${database} template ${template}`);
        // A copy has neither the owner nor the rights that the template was given.
        await bootstrapDatabase({ superuserUrl, database, passwords });
        return { urls: urlsOf(database) };
      },
      async dropDatabase({ urls }) {
        const name = new URL(urls.superuser).pathname.slice(1);
        await dropAll(superuserUrl, [name]);
        names.delete(name);
      },
      overSocket: (url) => socketUrl(url, directories),
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
  // The full size fits in memory: what is measured is the work, not the disk.
  const settings = {
    shared_buffers: "1GB",
    // As docs/operations.md recommends: a page out of order costs next to nothing where disks have no arm.
    random_page_cost: 1.1,
    jit: "off",
    unix_socket_directories: directory,
  };
  const server = stack.use(
    await startEmbeddedPostgres({ directory, port: 0, password, ephemeral: true, settings }),
  );
  return server.superuserUrl();
}

async function dropAll(url: string, names: Iterable<string>): Promise<void> {
  await using client = await connect(url);
  for (const name of names) await client.query(`drop database if exists ${name} with (force)`);
}

async function describeServer(url: string): Promise<{ version: string; directories: string[] }> {
  await using client = await connect(url);
  const { rows } = await client.query<{ version: string; directories: string }>(
    `select
      current_setting('server_version') as version,
      current_setting('unix_socket_directories') as directories`,
  );
  const [row] = rows;
  return {
    version: row?.version ?? "unknown",
    directories: (row?.directories ?? "").split(",").map((directory) => directory.trim()),
  };
}

/** A URL may name the directory of a socket in its query; the port stays where it was. */
function socketUrl(url: string, directories: readonly string[]): string | undefined {
  const parsed = new URL(url);
  const isOurs = (directory: string) =>
    directory !== "" && existsSync(join(directory, `.s.PGSQL.${parsed.port || "5432"}`));
  const directory = directories.find(isOurs);
  if (directory === undefined) return undefined;
  parsed.searchParams.set("host", directory);
  return parsed.href;
}
