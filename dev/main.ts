/**
 * npm start: the whole system in one process, on a machine with nothing but Node. Whatever the
 * environment provides is used, the rest is brought along: PostgreSQL, Stripe, secrets.
 */
import { migrate } from "../cli/migrate.ts";
import {
  parseServerConfig,
  parseStartConfig,
  parseWorkerConfig,
  type ServerConfig,
  type StartConfig,
} from "../server/config.ts";
import { makeLogger } from "../server/logger.ts";
import { untilStopped, type Closeable } from "../server/process.ts";
import { startServer } from "../server/server.ts";
import { startWorker } from "../tasks/worker.ts";
import { banner } from "./banner.ts";
import { openDatabase } from "./database.ts";
import { ensureDemoUser } from "./demo_user.ts";
import { openHome, type Home } from "./home.ts";
import { EMULATOR_KEY, startEmulator } from "./stripe_stand_in.ts";

/** Closes what was opened, in reverse: what was needed first is closed last. */
type Opened = { push(close: () => Promise<void>): void };

await untilStopped("npm start", start);

async function start(): Promise<Closeable> {
  const startedAt = performance.now();
  const opened: (() => Promise<void>)[] = [];
  async function close(): Promise<void> {
    for (const closeOne of opened.splice(0).toReversed()) await closeOne();
  }

  try {
    const text = await openAll(opened, process.env);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`\nReady in ${seconds} s.\n\n${text}`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async close() {
      step("Stopping");
      await close();
    },
  };
}

async function openAll(opened: Opened, env: NodeJS.ProcessEnv): Promise<string> {
  const settings = parseStartConfig(env);
  const home = await openHome(settings.home);
  opened.push(home.release);

  const effective: NodeJS.ProcessEnv = {
    // Requests and jobs are not what a person at a terminal wants to read.
    LOG_LEVEL: "warn",
    AUTH_SECRET: home.secrets.authSecret,
    STRIPE_WEBHOOK_SECRET: home.secrets.stripeWebhookSecret,
    STRIPE_SECRET_KEY: EMULATOR_KEY,
    DATABASE_URL: "postgres://embedded",
    ...env,
  };
  // Every fault of the configuration shows now, not after a server was started.
  parseServerConfig(effective);
  parseWorkerConfig(effective);

  const database = await openDatabase(settings, home, step);
  opened.push(database.close);
  step("Migrating the database");
  await migrate({ databaseUrl: database.urls.migrator, current: true, log: detail });

  effective["DATABASE_URL"] = database.urls.server;
  effective["WORKER_DATABASE_URL"] = database.urls.worker;
  const config = parseServerConfig(effective);
  const logger = makeLogger(config.logLevel, "rowhouse");
  const emulator =
    settings.stripeSecretKey === undefined ? await emulate(settings, home, config) : undefined;
  if (emulator !== undefined) {
    opened.push(emulator.close);
    effective["STRIPE_API_BASE"] = emulator.url;
    await emulator.fillCatalog(database.urls.worker, detail);
  }

  step("Starting the worker");
  const worker = await startWorker(parseWorkerConfig(effective), logger);
  opened.push(worker.close);
  step("Starting the server");
  const server = await startServer(config, logger);
  opened.push(server.close);

  const demo = database.isEmbedded ? await ensureDemoUser(localUrl(config)) : undefined;
  return banner({ url: server.url, emulatorUrl: emulator?.url, database, demo, config });
}

function emulate(settings: StartConfig, home: Home, config: ServerConfig) {
  step("Starting the Stripe emulator");
  return startEmulator({
    ...settings.stripeEmulator,
    log: detail,
    home: home.directory,
    webhookUrl: `${localUrl(config)}/webhooks/stripe`,
    webhookSecret: config.stripeWebhookSecrets[0] ?? "",
  });
}

/** Where this machine reaches the server, whatever it is called outside. */
function localUrl({ host, port }: ServerConfig): string {
  return `http://${host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host}:${port}`;
}

function step(line: string): void {
  console.log(`• ${line}`);
}

function detail(line: string): void {
  console.log(`  ${line}`);
}
