/**
 * A statement that enters first (app_private.enter), both in one message to the database. Without a
 * Sync between them the two are one transaction, which PostgreSQL begins and commits by itself: one
 * round trip for all of it. If entering is refused, the statement is never run.
 *
 * node-postgres has no call for that, but takes queries of others that know how to submit
 * themselves (pg-cursor is one); this one submits two of its own.
 */
import pg from "pg";
import type { PgClientQuery, PgClientResult } from "postgraphile/@dataplan/pg";

import { forget } from "./prepared_statements.ts";

/** What node-postgres tells a query of the server's answer. */
type Answerable = pg.Query & {
  handleRowDescription(message: object): void;
  handleDataRow(message: object): void;
  handleCommandComplete(message: object, connection: pg.Connection): void;
  handleEmptyQuery(connection: pg.Connection): void;
  handleError(error: Error, connection: pg.Connection): void;
  handleReadyForQuery(connection: pg.Connection): void;
};

export type Entry = { name: string; text: string; values: (string | undefined)[] };

type Identity = { name: string | undefined; text: string };

/** Enters, runs the statement and commits. Rejects with the first error of the three. */
export function enterAndRun<Row>(
  client: Pick<pg.ClientBase, "query">,
  entry: Entry,
  statement: PgClientQuery,
): Promise<Pick<PgClientResult<Row>, "rows" | "rowCount">> {
  const { name, text, values = [], arrayMode } = statement;
  return new Promise((resolve, reject) => {
    const config = {
      ...(name === undefined ? {} : { name }),
      ...(arrayMode === true ? { rowMode: "array" } : {}),
      text,
      values,
      // Without values it would else leave by the simple protocol, as a transaction of its own.
      queryMode: "extended",
    };
    const query = new pg.Query(config, (error: Error | null | undefined, result) => {
      if (error) reject(error);
      else resolve(result);
    });
    client.query(new EnteringQuery(entry, query, { name, text }));
  });
}

/** To its connection this is the entry, and from the entry's success on the statement. */
class EnteringQuery extends pg.Query {
  readonly #statement: Answerable;
  readonly #identity: Identity;
  #hasEntered = false;

  constructor(entry: Entry, statement: pg.Query, identity: Identity) {
    super(entry);
    if (!isAnswerable(statement)) throw new Error("This version of pg tells of answers otherwise");
    this.#statement = statement;
    this.#identity = identity;
  }

  override submit = (connection: pg.Connection): void => {
    connection.stream.cork();
    pg.Query.prototype.submit.call(this, withoutSync(connection));
    const refused: unknown = this.#statement.submit(connection);
    if (refused instanceof Error) {
      connection.sync();
      this.#statement.handleError(refused, connection);
    }
    connection.stream.uncork();
  };

  handleRowDescription(message: object): void {
    if (this.#hasEntered) this.#statement.handleRowDescription(message);
  }

  handleDataRow(message: object): void {
    if (this.#hasEntered) this.#statement.handleDataRow(message);
  }

  handleCommandComplete(message: object, connection: pg.Connection): void {
    if (this.#hasEntered) return this.#statement.handleCommandComplete(message, connection);
    this.#hasEntered = true;
    // By these node-postgres knows what has been prepared.
    Object.assign(this, this.#identity);
  }

  handleEmptyQuery(connection: pg.Connection): void {
    this.#statement.handleEmptyQuery(connection);
  }

  handleError(error: Error, connection: pg.Connection): void {
    const { name } = this.#identity;
    if (!this.#hasEntered && name !== undefined)
      forget(connection, "submittedNamedStatements", name);
    this.#statement.handleError(error, connection);
  }

  handleReadyForQuery(connection: pg.Connection): void {
    this.#statement.handleReadyForQuery(connection);
  }
}

function isAnswerable(query: pg.Query): query is Answerable {
  return "handleRowDescription" in query && "handleReadyForQuery" in query;
}

/** The same connection to a query that would end its message with a Sync. */
function withoutSync(connection: pg.Connection): pg.Connection {
  return Object.create(connection, { sync: { value: () => undefined } });
}
