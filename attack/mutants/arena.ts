/** Databases to spoil: cheap copies of a planted one, on a server where roles and clones are ours. */
import { randomBytes } from "node:crypto";

import pg from "pg";

import {
  connectionUrls,
  urlFor,
  type ConnectionUrls,
  type RolePasswords,
} from "../../dev/bootstrap.ts";
import { plant, type Planting } from "../fixture/plant.ts";

/** A server, and the migrated database on it that the copies are made from. */
export type Arena = {
  superuserUrl: string;
  template: string;
  passwords: RolePasswords;
  strategy: "file_copy" | "wal_log";
};

export type Copy = { name: string; urls: ConnectionUrls };

/** Runs `use` with a copy of `source`, which is dropped afterwards. */
export async function withCopy<T>(
  arena: Arena,
  source: string,
  use: (copy: Copy) => Promise<T>,
): Promise<T> {
  // Named like a test's, so that a later run finds what a killed one left.
  const name = `rowhouse_test_${Date.now()}_${randomBytes(4).toString("hex")}`;
  const { superuserUrl, passwords, strategy } = arena;
  const administer = (sql: string) => asSuperuser(urlFor(superuserUrl, "postgres"), sql);
  await administer(
    `create database ${name} template ${source} owner rowhouse_owner strategy ${strategy}`,
  );
  try {
    // What db/bootstrap.sql takes from everyone on a database is not copied.
    await asSuperuser(
      urlFor(superuserUrl, name),
      `revoke all on database ${name} from public;
      grant connect on database ${name} to rowhouse_server, rowhouse_worker, rowhouse_migrator`,
    );
    return await use({ name, urls: connectionUrls({ superuserUrl, database: name, passwords }) });
  } finally {
    await administer(`drop database ${name} with (force)`);
  }
}

/** Runs `use` with a copy of the template in which A and B are planted, and nobody connected. */
export function withPlanted<T>(
  arena: Arena,
  use: (copy: Copy, planting: Planting) => Promise<T>,
): Promise<T> {
  return withCopy(arena, arena.template, async (copy) => {
    const planting = await withClient(copy.urls.migrator, async (client) => {
      await client.query("begin");
      const made = await plant(client);
      await client.query("commit");
      return made;
    });
    return use(copy, planting);
  });
}

/** Runs `use` with a connection that is closed afterwards. */
export async function withClient<T>(
  connectionString: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function asSuperuser(url: string, sql: string): Promise<unknown> {
  return withClient(url, (client) => client.query(sql));
}
