/**
 * The only place that reads the environment. Each process asks for what it needs and gets either a
 * complete configuration or one ConfigError that names every variable at fault.
 */
import { externalProviders } from "./auth_config.ts";
import type { ExternalProvider } from "./auth/external_tokens.ts";
import { emulatorConfig, type EmulatorConfig } from "./emulator_config.ts";
import { readEnvironment, type Environment } from "./environment.ts";
import { appUrl, mailConfig, shownOutbox, type MailConfig } from "./mail_config.ts";
import { stripeConfig, type StripeConfig } from "./stripe_config.ts";

export { ConfigError } from "./environment.ts";
export type { StripeConfig } from "./stripe_config.ts";

export type ServerConfig = {
  databaseUrl: string;
  host: string;
  port: number;
  /** Where people and tokens know this server; no trailing slash. */
  publicUrl: string;
  /** Where the frontend lives; no trailing slash. */
  appUrl: string;
  /** Where mails are kept for GET /outbox to show; undefined when they are not for everyone. */
  outboxDirectory: string | undefined;
  /** Origins that may call the API from a browser, besides publicUrl. */
  corsOrigins: readonly string[];
  /** Reverse proxies whose word is taken for where a request comes from. */
  trustedProxies: readonly string[];
  /** WebSockets held open by one process, for subscriptions. */
  maxWebsockets: number;
  authSecret: string;
  /** Identity providers whose tokens are taken besides our own. */
  externalProviders: readonly ExternalProvider[];
  /** Any of these may have signed a webhook: more than one while a secret is rotated. */
  stripeWebhookSecrets: readonly string[];
  /** Whether events of Stripe's live mode are ours; those of the other mode are ignored. */
  stripeLivemode: boolean;
  /** The account whose events are ours, where the endpoint hears of several. */
  stripeAccountId?: string | undefined;
  /** How long a mutation that asks something of Stripe waits before it answers with "pending". */
  billingWaitSeconds: number;
  isProduction: boolean;
  logLevel: string;
};

export type WorkerConfig = {
  databaseUrl: string;
  stripe: StripeConfig;
  gracePeriodDays: number;
  isProduction: boolean;
  mail: MailConfig;
  /** Where the frontend lives, for links in mails; no trailing slash. */
  appUrl: string;
  logLevel: string;
};

/** What `npm start` may be told; whatever is undefined it provides itself. */
export type StartConfig = {
  home: string;
  embeddedPostgresPort: number;
  stripeEmulator: EmulatorConfig;
  databaseUrl: string | undefined;
  workerDatabaseUrl: string | undefined;
  migrationDatabaseUrl: string | undefined;
  stripeSecretKey: string | undefined;
};

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

export function parseServerConfig(env: NodeJS.ProcessEnv): ServerConfig {
  return readEnvironment(env, (read) => {
    const { host, port, publicUrl } = address(read);
    return {
      databaseUrl: read.postgresUrl("DATABASE_URL"),
      host,
      port,
      publicUrl,
      appUrl: appUrl(read, publicUrl),
      outboxDirectory: shownOutbox(read, { isProduction: isProduction(read), publicUrl }),
      corsOrigins: read.list("CORS_ORIGINS", []),
      trustedProxies: read.subnets("TRUSTED_PROXIES"),
      maxWebsockets: read.integer("MAX_WEBSOCKETS", 5_000, { min: 0, max: 100_000 }),
      authSecret: read.secret("AUTH_SECRET", { minLength: 32 }),
      externalProviders: externalProviders(read),
      stripeWebhookSecrets: read.list("STRIPE_WEBHOOK_SECRET"),
      stripeLivemode: read.text("STRIPE_SECRET_KEY", "sk_test_").includes("_live_"),
      stripeAccountId: read.optionalText("STRIPE_ACCOUNT_ID"),
      billingWaitSeconds: read.number("BILLING_WAIT_SECONDS", 10, { min: 0, max: 10 }),
      isProduction: isProduction(read),
      logLevel: logLevel(read),
    };
  });
}

export function parseWorkerConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  return readEnvironment(env, (read) => ({
    databaseUrl: read.postgresUrl(
      env["WORKER_DATABASE_URL"] ? "WORKER_DATABASE_URL" : "DATABASE_URL",
    ),
    stripe: stripeConfig(read),
    gracePeriodDays: read.number("GRACE_PERIOD_DAYS", 14, { min: 0, max: 365 }),
    isProduction: isProduction(read),
    mail: mailConfig(read, isProduction(read)),
    appUrl: appUrl(read, address(read).publicUrl),
    logLevel: logLevel(read),
  }));
}

/** The deploy job's login, for `npm run migrate` and `npm run audit`. */
export function parseMigrationConfig(env: NodeJS.ProcessEnv): { databaseUrl: string } {
  return readEnvironment(env, (read) => ({
    databaseUrl: read.postgresUrl("MIGRATION_DATABASE_URL"),
  }));
}

/** What `npm run audit` looks at; undefined means the embedded server's database. */
export function parseAuditConfig(env: NodeJS.ProcessEnv): { databaseUrl: string | undefined } {
  return readEnvironment(env, (read) => ({
    databaseUrl:
      read.optionalPostgresUrl("MIGRATION_DATABASE_URL") ??
      read.optionalPostgresUrl("DATABASE_URL"),
  }));
}

/** Where the operator's commands work; undefined means the embedded server's database. */
export function parseOperatorConfig(env: NodeJS.ProcessEnv): { databaseUrl: string | undefined } {
  return readEnvironment(env, (read) => ({
    databaseUrl: read.optionalPostgresUrl("MIGRATION_DATABASE_URL"),
  }));
}

/** What `npm run attack` comes through: three logins, or undefined for the embedded server's. */
export function parseAttackConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(env, (read) => {
    const isGiven = read.optionalText("MIGRATION_DATABASE_URL") !== undefined;
    const logins = () => ({
      migrator: read.postgresUrl("MIGRATION_DATABASE_URL"),
      server: read.postgresUrl("DATABASE_URL"),
      worker: read.postgresUrl("WORKER_DATABASE_URL"),
    });
    return {
      logins: isGiven ? logins() : undefined,
      publicUrl: address(read).publicUrl,
      isProduction: isProduction(read),
    };
  });
}

export function parseStartConfig(env: NodeJS.ProcessEnv): StartConfig {
  return readEnvironment(env, (read) => {
    const databaseUrl = read.optionalPostgresUrl("DATABASE_URL");
    // With a database of one's own, each process needs its own login on it: none can stand in.
    const own = databaseUrl !== undefined;
    return {
      home: read.text("ROWHOUSE_HOME", ".rowhouse"),
      embeddedPostgresPort: read.integer("EMBEDDED_POSTGRES_PORT", 54_320, { min: 0, max: 65_535 }),
      stripeEmulator: emulatorConfig(read),
      databaseUrl,
      workerDatabaseUrl: own ? read.postgresUrl("WORKER_DATABASE_URL") : undefined,
      migrationDatabaseUrl: own ? read.postgresUrl("MIGRATION_DATABASE_URL") : undefined,
      stripeSecretKey: read.optionalText("STRIPE_SECRET_KEY"),
    };
  });
}

/** What `npm run stripe` may be told by the environment. */
export function parseEmulatorConfig(env: NodeJS.ProcessEnv): EmulatorConfig {
  return readEnvironment(env, emulatorConfig);
}

function address(read: Environment): { host: string; port: number; publicUrl: string } {
  const host = read.host("HOST", "127.0.0.1");
  const port = read.integer("PORT", 4000, { min: 1, max: 65_535 });
  const publicUrl = read.url("PUBLIC_URL", `http://${urlHost(host)}:${port}`).origin;
  return { host, port, publicUrl };
}

function isProduction(read: Environment): boolean {
  return read.text("NODE_ENV", "development") === "production";
}

function logLevel(read: Environment): string {
  return read.choice("LOG_LEVEL", "info", LOG_LEVELS);
}

/** A wildcard address is for listening; in a URL it means this machine, and IPv6 wants brackets. */
function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
