/** What went wrong on the way to, or in, the database, said for the person who has to mend it. */

/** A migration that could not be done. Its message is cause and cure; no stack trace is needed. */
export class MigrationError extends Error {
  override name = "MigrationError";
}

/** `error` as a MigrationError; `databaseUrl` is where it happened, and is shown without password. */
export function migrationError(error: unknown, databaseUrl: string): MigrationError {
  if (error instanceof MigrationError) return error;
  const message =
    describeConnectionError(error, databaseUrl) ?? describeSqlError(error) ?? messageOf(error);
  return new MigrationError(message, { cause: error });
}

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

function describeSqlError(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("_gmMessageOverride" in error && typeof error._gmMessageOverride === "string") {
    // graphile-migrate's own picture of the place, without its colours.
    const escape = String.fromCharCode(27);
    const picture = error._gmMessageOverride.replaceAll(new RegExp(`${escape}\\[\\d+m`, "g"), "");
    return `A migration failed and was rolled back.\n${picture}`;
  }
  if (messageOf(error) === "Failed to get exclusive lock") {
    return "Another migration runs on this database. Wait for it to end and try again.";
  }
  const code = codeOf(error);
  if (code === "42501") {
    return `${messageOf(error)}. Migrations need the login of rowhouse_migrator, on a database that db/bootstrap.sql was run on.`;
  }
  return code === undefined ? undefined : `${messageOf(error)} (${code})`;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  // localhost has two addresses, and a failure for each.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
