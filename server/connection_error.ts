/** Why a database can't be reached or entered, said for the person who has to mend it. */

/** One line when `error` means that the database can't be reached or entered; else undefined. */
export function describeConnectionError(error: unknown, databaseUrl: string): string | undefined {
  const { host, pathname, username } = new URL(databaseUrl);
  const database = decodeURIComponent(pathname.slice(1));
  const unreachable = `No PostgreSQL answers at ${host}. Start it, or correct the URL.`;
  switch (codeOf(error)) {
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return unreachable;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name in ${host} can't be resolved. Correct the URL.`;
    case "28P01":
    case "28000":
      return `PostgreSQL at ${host} refuses ${username}: ${messageOf(error)}. Correct the URL or the role's password.`;
    case "42501":
      return /permission denied to set role/.test(messageOf(error))
        ? `${username} is not the login this process needs: ${messageOf(error)}. Use rowhouse_server for the server, rowhouse_worker for the worker.`
        : undefined;
    case "3D000":
      return `There is no database ${database} at ${host}. Create it and run db/bootstrap.sql on it, or correct the URL.`;
    case "57P03":
      return `PostgreSQL at ${host} is starting or stopping. Try again in a moment.`;
    case "53300":
      return `PostgreSQL at ${host} has no connection left. Close some, or raise max_connections.`;
    default:
      // node-postgres has no code for its own deadline.
      return /timeout expired|Connection terminated due to/.test(messageOf(error))
        ? unreachable
        : undefined;
  }
}

/** A system's or PostgreSQL's code; undefined for an error without one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  // localhost has two addresses, and a failure for each.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
