/** What went wrong while migrating, said for the person who has to mend it. */
import { codeOf, describeConnectionError, messageOf } from "../server/connection_error.ts";

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
