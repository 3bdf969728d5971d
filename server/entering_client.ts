/**
 * What a callback of PostGraphile asks the database with: each query enters first, and is a
 * transaction of its own; `withTransaction` makes one of several.
 */
import pg from "pg";
import type { PgClientQuery, PgClientResult } from "postgraphile/@dataplan/pg";
import type { NodePostgresPgClient } from "postgraphile/adaptors/pg";

import { enterAndRun, type Entry } from "./entering_query.ts";
import { Refusal } from "./errors.ts";
import { makeRoomFor } from "./prepared_statements.ts";

/** Who enters: the statement that does it, and the role that follows from it. */
export type Entering = { entry: Entry; role: string };

type RawClient = Pick<
  pg.PoolClient,
  "query" | "getTransactionStatus" | "end" | "escapeIdentifier" | "connection"
>;

/** A client whose every query enters, and is committed by its answer. */
export function enteringClient(
  client: NodePostgresPgClient,
  { entry, role }: Entering,
): NodePostgresPgClient {
  const raw: RawClient = client.rawClient;
  let isInTransaction = false;

  return {
    rawClient: client.rawClient,
    async query<TData>(options: PgClientQuery): Promise<PgClientResult<TData>> {
      if (isInTransaction) throw new Error("Ask the client that withTransaction handed out");
      try {
        const { rows, rowCount } = await ask<TData>(raw, entry, options);
        refuseNothingChanged(options.text, rowCount);
        return { rows, rowCount, notices: [] };
      } catch (error) {
        throw signInFirst(error, role);
      } finally {
        // A statement may have been "begin".
        if (raw.getTransactionStatus() !== "I") await rollBack(raw);
      }
    },
    async withTransaction(callback) {
      isInTransaction = true;
      try {
        return await inTransaction(client, entry, callback);
      } catch (error) {
        throw signInFirst(error, role);
      } finally {
        isInTransaction = false;
      }
    },
  };
}

async function ask<TData>(raw: RawClient, entry: Entry, options: PgClientQuery) {
  if (options.name === undefined) return enterAndRun<TData>(raw, entry, options);
  try {
    makeRoomFor(raw, options.name);
    return await enterAndRun<TData>(raw, entry, options);
  } catch (error) {
    if (!isStale(error)) throw error;
  }
  // Nothing was done. Once more without a name, and the next to ask gets another connection.
  try {
    return await enterAndRun<TData>(raw, entry, withoutName(options));
  } finally {
    void raw.end();
  }
}

/** Whether a kept plan no longer fits its table, after a migration, or a prepared statement is gone. */
function isStale(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  return error.code === "26000" || error.routine === "RevalidateCachedQuery";
}

async function inTransaction<T>(
  client: NodePostgresPgClient,
  entry: Entry,
  callback: (client: NodePostgresPgClient) => T | Promise<T>,
): Promise<T> {
  const raw: RawClient = client.rawClient;
  const entered = Promise.all([raw.query("begin"), raw.query(entry)]);
  // Looked at with the first statement's answer, below; until then it must not count as unhandled.
  entered.catch(() => undefined);

  try {
    const result = await callback(enteredClient(client, entered, 0));
    await entered;
    await raw.query("commit");
    return result;
  } catch (error) {
    // If entering failed, so did all that followed, with a lesser reason.
    const reason = await entered.then(
      () => error,
      (refusal: unknown) => refusal,
    );
    await rollBack(raw);
    throw reason;
  }
}

/** A client whose statements go out at once, but whose answers count only once entered. */
function enteredClient(
  client: NodePostgresPgClient,
  entered: Promise<unknown>,
  depth: number,
): NodePostgresPgClient {
  return {
    rawClient: client.rawClient,
    async query<TData>(options: PgClientQuery): Promise<PgClientResult<TData>> {
      const answer = client.query<TData>(withoutName(options));
      // If entering failed, this fails as well, with a lesser reason.
      answer.catch(() => undefined);
      await entered;
      refuseNothingChanged(options.text, (await answer).rowCount);
      return answer;
    },
    async withTransaction(callback) {
      const name = `rowhouse_${depth}`;
      await client.rawClient.query(`savepoint ${name}`);
      try {
        const result = await callback(enteredClient(client, entered, depth + 1));
        await client.rawClient.query(`release savepoint ${name}`);
        return result;
      } catch (error) {
        await client.rawClient.query(`rollback to savepoint ${name}`);
        throw error;
      }
    },
  };
}

/** What is named could not be dropped again in a transaction that has failed. */
function withoutName(options: PgClientQuery): PgClientQuery {
  const unnamed = { ...options };
  delete unnamed.name;
  return unnamed;
}

/**
 * PostGraphile takes an update of no row for a success, and a delete of none for a fault of ours. To
 * a client both mean: there is no such row, at least none of its own.
 */
function refuseNothingChanged(statement: string, rowCount: number | null | undefined): void {
  if (rowCount === 0 && /^(?:update|delete)\s/i.test(statement)) {
    throw new Refusal("INPUT", "There is no such row that you may change");
  }
}

/** Leaves the connection clean, or closes it: none goes back with a role or a tenant set. */
async function rollBack(raw: RawClient): Promise<void> {
  try {
    await raw.query("rollback");
  } catch {
    // The connection is gone; what it was doing is rolled back by its end.
  }
  if (raw.getTransactionStatus() !== "I") void raw.end();
}

/** To a visitor, "permission denied" means: sign in. */
function signInFirst(error: unknown, role: string): unknown {
  return codeOf(error) === "42501" && role === "app_anonymous"
    ? new Refusal("LOGIN", "You must be signed in")
    : error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
