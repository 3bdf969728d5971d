/** graphile-migrate's settings: `.gmrc` for everything that does not depend on where we run. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Logger, type Settings } from "graphile-migrate";

/** The checkout. Nothing here depends on the directory in which a command was typed. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** `migrations/`, with committed/, current.sql and fixtures -> ../db. */
export const MIGRATIONS = `${ROOT}migrations`;

export type MigrationUrls = {
  /** The migrator's login. */
  databaseUrl: string;
  /** A superuser's; needed to create and drop databases. */
  rootUrl?: string;
  /** A database that may be dropped at any time; needed to commit. */
  shadowUrl?: string;
};

/** Settings for graphile-migrate's functions; what it tells goes to `log`, its errors are thrown. */
export async function migrationSettings(
  { databaseUrl, rootUrl, shadowUrl }: MigrationUrls,
  log: (line: string) => void,
): Promise<Settings> {
  const settings: unknown = JSON.parse(await readFile(`${ROOT}.gmrc`, "utf8"), absoluteCommand);
  if (typeof settings !== "object") throw new Error(".gmrc must be an object");
  return {
    ...settings,
    connectionString: databaseUrl,
    // Without one, graphile-migrate would read ROOT_DATABASE_URL by itself.
    rootConnectionString: rootUrl ?? "postgres://none@localhost/none",
    ...(shadowUrl === undefined ? {} : { shadowConnectionString: shadowUrl }),
    migrationsFolder: MIGRATIONS,
    logger: new Logger(() => (level, message) => {
      // Errors are thrown as well, and told once, by whoever catches them.
      if (TOLD.has(level)) log(tidy(message));
    }),
  };
}

const TOLD: ReadonlySet<string> = new Set(["info", "warning"]);

/** `node cli/x.ts` becomes this very node and an absolute path: PATH may lead to an older one. */
function absoluteCommand(key: string, value: unknown): unknown {
  if (key !== "command" || typeof value !== "string") return value;
  return value.replace(
    /^node (\S+)/,
    (_, file: string) => `"${process.execPath}" "${ROOT}${file}"`,
  );
}

function tidy(message: string): string {
  return message.replace(/^graphile-migrate(\[shadow\])?: |^\[[^\]]+Z\]: /, "$1 ").trim();
}
