import "./graphile_env.ts";

import { createServer, type Server } from "node:http";
import { once } from "node:events";

import type { Logger } from "pino";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/express/v4";

import { BODY_LIMITS, closeRoutes, makeApp } from "./app.ts";
import type { ServerConfig } from "./config.ts";
import { makePool } from "./database.ts";
import { makePreset } from "./graphile.config.ts";
import { databaseChecks } from "./health.ts";
import { guardStartup } from "./startup_guard.ts";
import { TenantListener } from "./tenant_notifications.ts";
import { isWebsocketRequest, serveWebsockets } from "./websockets.ts";

/** How long open requests may take to finish once the server was told to stop. */
const DRAIN_MS = 4_000;

export type RunningServer = { url: string; close(): Promise<void> };

/** Starts the HTTP process: resolves when it listens, rejects with the reason it can't. */
export async function startServer(config: ServerConfig, logger: Logger): Promise<RunningServer> {
  const { databaseUrl: connectionString } = config;
  const named = (applicationName: string) => ({ connectionString, applicationName, logger });
  const pool = makePool({ ...named("rowhouse-server"), pipeline: true, max: 20 });
  const identityPool = makePool({
    ...named("rowhouse-identity"),
    role: "app_identity",
    searchPath: "auth",
    max: 5,
  });
  // Taken down in the opposite order: what a request needs goes last.
  await using started = new AsyncDisposableStack();
  started.defer(async () => {
    await Promise.all([pool.end(), identityPool.end()]);
  });
  await guardStartup({
    pools: [{ pool }, { pool: identityPool, role: "app_identity" }],
    databaseUrl: connectionString,
    isProduction: config.isProduction,
    logger,
  });
  const notifications = await TenantListener.open({ connectionString, logger });
  started.defer(() => notifications.close());
  const readiness = databaseChecks(pool);
  const { app, listener, verifiers, prepare } = makeApp({
    config,
    logger,
    pool,
    identityPool,
    readiness,
  });
  await prepare();
  const stopping = new AbortController();
  const graphile = postgraphile(
    makePreset({
      pool,
      logger,
      maxRequestLength: BODY_LIMITS.graphql,
      livemode: config.stripeLivemode,
      returnOrigins: returnOrigins(config),
      billing: { waitMs: config.billingWaitSeconds * 1000, stopping: stopping.signal },
      notifications,
      ruru: !config.isProduction,
    }),
  );
  started.defer(() => graphile.release());
  // A schema that can't be built must stop the start, not the first request.
  await graphile.getSchema();
  const server = createServer({ shouldUpgradeCallback: isWebsocketRequest }, listener);
  const graphql = graphile.createServ(grafserv);
  await graphql.addTo(app, server, false);
  closeRoutes(app);
  const admission = { verifiers, pool };
  const websockets = serveWebsockets({ app, server, graphql, admission, config, logger });
  await listen(server, config);
  started.defer(async () => {
    stopping.abort();
    await Promise.all([stopListening(server), websockets.close()]);
  });
  const running = started.move();
  return { url: config.publicUrl, close: () => running.disposeAsync() };
}

/** Where people may be sent back to from Stripe: the frontend's origins, and our own. */
function returnOrigins({ appUrl, publicUrl, corsOrigins }: ServerConfig): string[] {
  const pages = [appUrl, publicUrl, ...corsOrigins].filter((url) => URL.canParse(url));
  return [...new Set(pages.map((url) => new URL(url).origin))];
}

async function listen(server: Server, { host, port }: ServerConfig): Promise<void> {
  // Longer than the usual proxy's, so that it is the proxy who ends an idle connection.
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 30_000;
  server.listen(port, host);
  await once(server, "listening");
}

/** No new connections; those with a request open may finish it, within a bound. */
async function stopListening(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  // Those that have been answered since are idle as well, and would be kept alive.
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, 50);
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, DRAIN_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(timer);
}
