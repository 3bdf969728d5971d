/**
 * Builds the template database once a run, by the path that production takes: bootstrap, the
 * queue's schema, committed migrations and current.sql. Each test file clones it.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import type { TestProject } from "vitest/node";

import { migrate } from "../../cli/migrate.ts";
import { bootstrapDatabase, connectionUrls, urlFor } from "../../dev/bootstrap.ts";
import { startEmbeddedPostgres } from "../../dev/postgres.ts";
import { databaseName, STALE_MS, type TestServer } from "./server.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const { superuserUrl } = server;
  try {
    const password = () => randomBytes(18).toString("base64url");
    const passwords = {
      rowhouse_server: password(),
      rowhouse_worker: password(),
      rowhouse_migrator: password(),
    };
    const template = databaseName("template");
    const options = { superuserUrl, database: template, passwords };
    await bootstrapDatabase(options);
    await migrate({ databaseUrl: connectionUrls(options).migrator, current: true });
    project.provide("server", { superuserUrl, template, passwords, strategy: server.strategy });
    return async function teardown() {
      await dropDatabase(superuserUrl, template);
      await server.stop();
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

type RunningServer = Pick<TestServer, "superuserUrl" | "strategy"> & { stop(): Promise<void> };

async function startServer(): Promise<RunningServer> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined && given !== "") {
    await dropStale(given);
    return { superuserUrl: given, strategy: "wal_log", stop: async () => {} };
  }
  if (process.env["TEST_POSTGRES"] === "container") {
    throw new Error(
      "TEST_POSTGRES=container is not supported yet. Start the container yourself and set TEST_DATABASE_URL to its superuser.",
    );
  }
  const directory = await mkdtemp(join(await roomyMemory(), "rowhouse-test-"));
  const password = randomBytes(18).toString("base64url");
  try {
    // Should this process be killed, the server notices, stops and takes the directory with it.
    const server = await startEmbeddedPostgres({ directory, port: 0, password, ephemeral: true });
    return {
      superuserUrl: server.superuserUrl(),
      // Two checkpoints, which cost nothing where nothing is flushed.
      strategy: "file_copy",
      async stop() {
        await server.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Where files are quickest: a clone of the template takes 20 ms in memory, 350 ms on a disk. */
async function roomyMemory(): Promise<string> {
  const memory = "/dev/shm";
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }));
  // Docker gives containers 64 MB of it, unless told otherwise.
  return bavail * bsize > 2 ** 31 ? memory : tmpdir();
}

/** On a server that outlives us, what killed runs left behind is dropped by a later one. */
async function dropStale(superuserUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where datname ~ '^rowhouse_(template|test)_[0-9]+_'",
  );
  await client.end();
  for (const { datname } of rows) {
    const createdAt = Number(datname.split("_")[2]);
    if (createdAt < Date.now() - STALE_MS) await dropDatabase(superuserUrl, datname);
  }
}

async function dropDatabase(superuserUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlFor(superuserUrl, "postgres") });
  await client.connect();
  await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
  await client.end();
}

declare module "vitest" {
  export interface ProvidedContext {
    server: TestServer;
  }
}
