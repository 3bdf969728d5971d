import { ConfigError } from "../../server/config.ts";

/** An environment that every process can start with. */
export const GOOD = {
  DATABASE_URL: "postgres://rowhouse_server:x@db.internal/rowhouse",
  WORKER_DATABASE_URL: "postgres://rowhouse_worker:x@db.internal/rowhouse",
  MIGRATION_DATABASE_URL: "postgres://rowhouse_migrator:x@db.internal/rowhouse",
  AUTH_SECRET: "a".repeat(32),
  STRIPE_SECRET_KEY: "sk_test_123",
  STRIPE_WEBHOOK_SECRET: "whsec_new, whsec_old",
};

/** The lines that name a fault each. */
export function faultsOf(
  parse: (env: NodeJS.ProcessEnv) => unknown,
  env: NodeJS.ProcessEnv,
): string[] {
  try {
    parse(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => line.trim());
  }
}
