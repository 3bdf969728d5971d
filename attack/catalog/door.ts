/**
 * A connection as one of the run-time logins has it, in one transaction that is always rolled back.
 * Each statement is sent after going back to a savepoint, in one message: one round trip a probe,
 * and none sees what another did.
 */
import { EventEmitter } from "node:events";

import pg from "pg";

/** What came back. */
export type Answer = {
  /** The SQLSTATE of a refusal. */
  code: string | undefined;
  /** Rows returned or changed. */
  count: number;
  /** The first row's first value. */
  value: unknown;
  /** All that could tell something: rows, copied data, notices, every part of an error. */
  text: string;
};

export type Door = {
  /** Starts the transaction and acts as `statements` say; answers the refusal if there is one. */
  enter(statements: readonly string[]): Promise<Answer>;
  /**
   * Sends many statements at once and keeps those answers that are errors, until they are asked for
   * by `probe`. Most attacks are refused, and so cost no round trip of their own.
   */
  scout(statements: readonly string[]): Promise<void>;
  /** Tries one statement on its own. */
  probe(sql: string): Promise<Answer>;
  leave(): Promise<void>;
  close(): Promise<void>;
};

/** Opens a connection to attack through. */
export async function openDoor(connectionString: string): Promise<Door> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: 10_000,
    pipeline: true,
  });
  client.on("error", () => {});
  await client.connect();
  let heard: string[] = [];
  client.on("notice", (notice) => heard.push(describeError(notice)));
  hearCopies(client, (data) => heard.push(data));

  async function ask(sql: string): Promise<Answer> {
    heard = [];
    try {
      const answered: unknown = await client.query(sql);
      const last: unknown = Array.isArray(answered) ? answered.at(-1) : answered;
      const { rows, rowCount } = resultOf(last);
      const [first] = rows;
      const text = [JSON.stringify(rows), ...heard].join("\n");
      const value = first === undefined ? undefined : Object.values(first)[0];
      return { code: undefined, count: rowCount, value, text };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      const text = [describeError(error), ...heard].join("\n");
      return { code: error.code ?? "none", count: 0, value: undefined, text };
    }
  }

  const refused = new Map<string, Answer>();
  async function scout(statements: readonly string[]): Promise<void> {
    refused.clear();
    const answers = await Promise.all(
      statements.map(async (sql) => ({ sql, answer: await ask(alone(sql)) })),
    );
    // A notice or copied data can't be told apart here: all are asked again, one by one.
    if (heard.length > 0) return;
    for (const { sql, answer } of answers) if (answer.code !== undefined) refused.set(sql, answer);
  }

  return {
    enter: (statements) => ask(["begin", ...statements, "savepoint probe"].join(";\n")),
    scout,
    probe: async (sql) => refused.get(sql) ?? ask(alone(sql)),
    leave: async () => void (await client.query("rollback")),
    close: () => client.end(),
  };
}

/** One message: an error before it is forgotten, and what it changed is taken back by the next. */
function alone(sql: string): string {
  return `rollback to savepoint probe;\n${sql}`;
}

function resultOf(result: unknown): { rows: object[]; rowCount: number } {
  const rows: unknown = valueOf(result, "rows");
  const rowCount = valueOf(result, "rowCount");
  return {
    rows: Array.isArray(rows) ? rows.filter((row) => typeof row === "object" && row !== null) : [],
    rowCount: typeof rowCount === "number" ? rowCount : 0,
  };
}

function valueOf(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}

const ERROR_PARTS = [
  "message",
  "detail",
  "hint",
  "where",
  "internalQuery",
  "schema",
  "table",
  "column",
  "dataType",
  "constraint",
];

/** Every part of an error or a notice but what the driver adds. */
function describeError(error: object): string {
  const parts = ERROR_PARTS.map((part) => valueOf(error, part));
  return parts.filter((part) => typeof part === "string").join("\n");
}

/** The driver drops what "copy … to stdout" sends; its connection tells whoever listens. */
function hearCopies(client: pg.Client, hear: (data: string) => void): void {
  const connection: unknown = Reflect.get(client, "connection");
  if (!(connection instanceof EventEmitter)) throw new Error("pg.Client has no connection to hear");
  connection.on("copyData", ({ chunk }: { chunk: Buffer }) => hear(chunk.toString()));
}
