/** What tests ask of a connection, in a word. */
import type pg from "pg";

import { withClient, type TestDatabase } from "./server.ts";

type Queryable = Pick<pg.ClientBase, "query">;
type Row = Record<string, unknown>;

/** The rows of a query. */
export async function rowsOf<T extends pg.QueryResultRow = Row>(
  client: Queryable,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const { rows } = await client.query<T>(sql, values);
  return rows;
}

/** The only row of a query; rejects when there is none or another. */
export async function rowOf<T extends pg.QueryResultRow = Row>(
  client: Queryable,
  sql: string,
  values: unknown[] = [],
): Promise<T> {
  const [row, ...others] = await rowsOf<T>(client, sql, values);
  if (row === undefined || others.length > 0) throw new Error(`Not exactly one row: ${sql}`);
  return row;
}

/** The SQLSTATE that `work` is refused with; "done" when it is not refused. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return "done";
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code === undefined) throw error;
    return code;
  }
}

/** One request of a signed-in person, as the server makes it: a login of its own, committed. */
export async function request<T>(
  database: TestDatabase,
  who: { userId: string | null; tenantId: string | null },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return withClient(database.urls.server, (client) => requestOn(client, who, work));
}

/** The same on a connection of the server's login that is there already. */
export async function requestOn<C extends Queryable, T>(
  client: C,
  who: { userId: string | null; tenantId: string | null },
  work: (client: C) => Promise<T>,
): Promise<T> {
  await client.query("begin");
  try {
    await client.query(
      "select app_private.enter($1::uuid, $2::uuid), set_config('role', 'app_user', true)",
      [who.userId, who.tenantId],
    );
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/** Runs `work` and takes back what it did, also when it throws. */
export async function undone<T>(client: Queryable, work: () => Promise<T>): Promise<T> {
  await client.query("savepoint undone");
  try {
    return await work();
  } finally {
    await client.query("rollback to savepoint undone");
    await client.query("release savepoint undone");
  }
}
