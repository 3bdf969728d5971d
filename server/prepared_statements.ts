/**
 * The named statements that a connection has prepared: their plans are kept, so the database works
 * them out once and not at each request. node-postgres never drops one; here the one that went
 * unused for longest makes room.
 */
import type pg from "pg";

/** As many as PostGraphile's own adaptor keeps. */
const LIMIT = 100;

type Preparer = Pick<pg.Client, "query" | "escapeIdentifier" | "connection">;

const namesOf = new WeakMap<pg.Connection, Set<string>>();

/** To be called before a named statement is sent, outside a transaction. */
export function makeRoomFor(client: Preparer, name: string): void {
  const names = namesOf.get(client.connection) ?? new Set();
  namesOf.set(client.connection, names);
  // Now the last of the set, which keeps the order in which it was filled.
  names.delete(name);
  names.add(name);
  const [oldest] = names;
  if (oldest === undefined || names.size <= LIMIT) return;
  names.delete(oldest);
  // It fails where the statement was never prepared, since whoever asked was refused.
  client.query(`deallocate ${client.escapeIdentifier(oldest)}`).catch(() => undefined);
  forget(client.connection, "parsedStatements", oldest);
}

/** Makes node-postgres prepare a statement again: it believes in what it sent, not in the answer. */
export function forget(
  connection: pg.Connection,
  kind: "parsedStatements" | "submittedNamedStatements",
  name: string,
): void {
  const names: unknown = Reflect.get(connection, kind);
  if (typeof names !== "object" || names === null) {
    throw new Error(`This version of pg has no ${kind}`);
  }
  Reflect.deleteProperty(names, name);
}
