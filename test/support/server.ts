/** Databases on the server of this test run. */
import { randomBytes } from "node:crypto";

import pg from "pg";
import { inject } from "vitest";

import {
  connectionUrls,
  urlFor,
  type ConnectionUrls,
  type RolePasswords,
} from "../../dev/bootstrap.ts";

/** What global setup hands to the test files. */
export type TestServer = {
  superuserUrl: string;
  template: string;
  passwords: RolePasswords;
  /** How this server copies a database quickest. */
  strategy: "file_copy" | "wal_log";
};

/** A database of one test file. */
export type TestDatabase = { name: string; urls: ConnectionUrls };

/** Older databases of ours belong to runs that were killed. */
export const STALE_MS = 3_600_000;

/** A name that tells what it is for and when it was made. */
export function databaseName(purpose: "template" | "test"): string {
  return `rowhouse_${purpose}_${Date.now()}_${randomBytes(4).toString("hex")}`;
}

/** Runs `use` with a clone of the migrated template, or with a database that has nothing in it. */
export async function withDatabase<T>(
  kind: "migrated" | "empty",
  use: (database: TestDatabase) => Promise<T>,
): Promise<T> {
  const { superuserUrl, template, passwords, strategy } = inject("server");
  const name = databaseName("test");
  const source = kind === "migrated" ? template : "template0";
  await administer(
    `create database ${name} template ${source} owner rowhouse_owner strategy ${strategy}`,
  );
  try {
    if (kind === "migrated") {
      // A copy of a database does not have its rights; these are db/bootstrap.sql's.
      await administer(`revoke all on database ${name} from public;
        grant connect on database ${name} to rowhouse_server, rowhouse_worker, rowhouse_migrator`);
    }
    const urls = connectionUrls({ superuserUrl, database: name, passwords });
    return await use({ name, urls });
  } finally {
    await administer(`drop database ${name} with (force)`);
  }
}

/** Runs `use` with a connection that is closed afterwards. */
export async function withClient<T>(
  connectionString: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString });
  // A database that is dropped by force cuts its connections; the next query would tell.
  client.on("error", () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function administer(sql: string): Promise<void> {
  const url = urlFor(inject("server").superuserUrl, "postgres");
  await withClient(url, (client) => client.query(sql));
}
