import type { StartConfig } from "../server/config.ts";
import { bootstrapDatabase, connectionUrls, DATABASE_NAME } from "./bootstrap.ts";
import type { Home } from "./home.ts";
import { startEmbeddedPostgres } from "./postgres.ts";

/** The database that `npm start` works on. */
export type StartDatabase = {
  urls: Readonly<Record<"migrator" | "server" | "worker", string>>;
  /** Whether it was brought along, and so is nobody's but this checkout's. */
  isEmbedded: boolean;
  close(): Promise<void>;
};

/** The database of the environment, or else the embedded server's, started and bootstrapped. */
export async function openDatabase(
  settings: StartConfig,
  home: Home,
  step: (line: string) => void,
): Promise<StartDatabase> {
  const { databaseUrl, workerDatabaseUrl, migrationDatabaseUrl } = settings;
  if (databaseUrl !== undefined) {
    step("Using the database of DATABASE_URL");
    return {
      urls: {
        server: databaseUrl,
        worker: workerDatabaseUrl ?? "",
        migrator: migrationDatabaseUrl ?? "",
      },
      isEmbedded: false,
      close: async () => {},
    };
  }

  step(`Starting PostgreSQL in ${home.postgresDirectory}`);
  const server = await startEmbeddedPostgres({
    directory: home.postgresDirectory,
    port: settings.embeddedPostgresPort,
    password: home.secrets.postgresPassword,
  });
  try {
    const options = {
      superuserUrl: server.superuserUrl(),
      database: DATABASE_NAME,
      passwords: home.secrets.rolePasswords,
    };
    await bootstrapDatabase(options);
    return { urls: connectionUrls(options), isEmbedded: true, close: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
