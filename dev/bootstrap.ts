/** Makes a database ready for migrations, as superuser. Cheap enough for every start. */
import { readFile } from "node:fs/promises";

import pg from "pg";

import { describeConnectionError } from "../server/connection_error.ts";
import { OperatorError } from "./operator_error.ts";

/** The database that `npm start` uses on the embedded server. */
export const DATABASE_NAME = "rowhouse";

/** The roles that log in. */
export const LOGIN_ROLES = ["rowhouse_server", "rowhouse_worker", "rowhouse_migrator"] as const;
export type LoginRole = (typeof LOGIN_ROLES)[number];
export type RolePasswords = Readonly<Record<LoginRole, string>>;

const BOOTSTRAP = new URL("../db/bootstrap.sql", import.meta.url);

export type BootstrapOptions = {
  /** A superuser's URL, of any database of the server. */
  superuserUrl: string;
  database: string;
  /** Left out, the roles keep the passwords that they have. */
  passwords?: RolePasswords;
};

/** Creates the database if absent, runs db/bootstrap.sql, sets passwords. May be repeated. */
export async function bootstrapDatabase(options: BootstrapOptions): Promise<void> {
  const { superuserUrl, database, passwords } = options;
  const sql = await readFile(BOOTSTRAP, "utf8");
  const client = await connectCreating(superuserUrl, database);
  try {
    await client.query("begin");
    // Roles are the whole server's: two bootstraps at once would fail on each other's changes.
    await client.query("lock table pg_catalog.pg_authid in share row exclusive mode");
    await client.query(sql);
    // The owner of the schema, because graphile-migrate's reset creates it so (.gmrc).
    await client.query(
      `alter database ${client.escapeIdentifier(database)} owner to rowhouse_owner`,
    );
    for (const role of passwords ? LOGIN_ROLES : []) {
      const password = client.escapeLiteral(passwords?.[role] ?? "");
      await client.query(`alter role ${role} password ${password}`);
    }
    await client.query("commit");
  } finally {
    await client.end();
  }
}

/** The URLs of one database, by who connects. */
export type ConnectionUrls = Readonly<
  Record<"superuser" | "migrator" | "server" | "worker", string>
>;

/** Every login's URL for `database` on the server of `superuserUrl`. */
export function connectionUrls(options: Required<BootstrapOptions>): ConnectionUrls {
  const { superuserUrl, database, passwords } = options;
  const as = (role: LoginRole) => urlFor(superuserUrl, database, [role, passwords[role]]);
  return {
    superuser: urlFor(superuserUrl, database),
    migrator: as("rowhouse_migrator"),
    server: as("rowhouse_server"),
    worker: as("rowhouse_worker"),
  };
}

/** The same server and options, another database and perhaps another login. */
export function urlFor(
  serverUrl: string,
  database: string,
  login?: readonly [user: string, password: string],
): string {
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  if (login !== undefined) {
    // The setters encode what a URL needs, but not the percent sign.
    url.username = encodeURIComponent(login[0]);
    url.password = encodeURIComponent(login[1]);
  }
  return url.href;
}

async function connectCreating(superuserUrl: string, database: string): Promise<pg.Client> {
  const url = urlFor(superuserUrl, database);
  try {
    return await connect(url);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === "3D000")) {
      throw explained(error, superuserUrl);
    }
  }
  try {
    const server = await connect(superuserUrl);
    try {
      await server.query(`create database ${server.escapeIdentifier(database)}`);
    } finally {
      await server.end();
    }
    return await connect(url);
  } catch (error) {
    throw explained(error, superuserUrl);
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  return client;
}

function explained(error: unknown, url: string): unknown {
  const message = describeConnectionError(error, url);
  return message === undefined ? error : new OperatorError(message, { cause: error });
}
