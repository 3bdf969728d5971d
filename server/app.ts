import type { RequestListener } from "node:http";

import { toNodeHandler } from "better-auth/node";
import cors from "cors";
import express, { type Express } from "express";
import helmet from "helmet";
import type pg from "pg";
import type { Logger } from "pino";

import { aheadOfExpress } from "./ahead_of_express.ts";
import { authenticate, refuseApiKeys, type TokenVerifier } from "./auth/authenticate.ts";
import { makeAccessTokens } from "./auth/access_token.ts";
import { makeExternalTokens } from "./auth/external_tokens.ts";
import { makeIdentity } from "./auth/identity.ts";
import { ensureSigningKey } from "./auth/signing_key.ts";
import { tokenRoute } from "./auth/token_route.ts";
import { clientAddress } from "./client_address.ts";
import type { ServerConfig } from "./config.ts";
import { requireGraphqlRequest } from "./graphql_request.ts";
import { alive, ready, type ReadinessCheck } from "./health.ts";
import { handleError, notFound, onlyPost } from "./http_errors.ts";
import { outboxPage } from "./outbox_page.ts";
import { logRequests } from "./request_log.ts";
import { stripeWebhook } from "./stripe_webhook.ts";

/** The largest bodies taken: a GraphQL request, a form of the identity provider. */
export const BODY_LIMITS = { graphql: 256 * 1024, auth: 32 * 1024 } as const;

export type AppOptions = {
  config: ServerConfig;
  logger: Logger;
  /** As the server's login role. */
  pool: pg.Pool;
  /** As role app_identity with search_path auth. */
  identityPool: pg.Pool;
  readiness: readonly ReadinessCheck[];
};

export type App = {
  /** The HTTP routes, all but GraphQL's own: server/server.ts adds that last. */
  app: Express;
  /** What HTTP requests are given to. */
  listener: RequestListener;
  /** Whose access tokens are taken. */
  verifiers: readonly TokenVerifier[];
  /** What must be there before the first request. */
  prepare(): Promise<void>;
};

export function makeApp({ config, logger, pool, identityPool, readiness }: AppOptions): App {
  const identity = makeIdentity({ pool: identityPool, config, logger });
  const tokens = makeAccessTokens(identity, config.publicUrl);
  const external = makeExternalTokens({
    providers: config.externalProviders,
    pool: identityPool,
    logger,
  });
  const verifiers = [tokens, external];
  const app = express();
  app.disable("x-powered-by");
  app.set("trust proxy", [...config.trustedProxies]);
  app.use(logRequests(logger));

  app.get("/healthz", alive);
  app.get("/readyz", ready(readiness));

  app.use(secureHeaders(config));
  const listener = aheadOfExpress({
    app,
    logger,
    path: "/webhooks/stripe",
    route: stripeWebhook({
      pool,
      secrets: config.stripeWebhookSecrets,
      ours: { livemode: config.stripeLivemode, accountId: config.stripeAccountId },
    }),
  });
  app.all("/webhooks/stripe", onlyPost("Stripe posts its events"));

  // Before CORS: no other origin's page may read the links in there.
  if (config.outboxDirectory !== undefined) app.get("/outbox", outboxPage(config.outboxDirectory));
  app.use(cors({ origin: [...config.corsOrigins], credentials: true, maxAge: 600 }));
  app.use(["/api/auth", "/auth/token"], express.json({ limit: BODY_LIMITS.auth, inflate: false }));
  app.use(["/api/auth", "/auth/token"], refuseApiKeys);
  const identityHandler = toNodeHandler(identity);
  app.all("/api/auth/*path", (request, response) => {
    // The identity provider believes this header, whoever sent it, and counts attempts by it.
    request.headers["x-forwarded-for"] = clientAddress(request) ?? "";
    return identityHandler(request, response);
  });
  app.post("/auth/token", tokenRoute({ identity, tokens, external, pool }));

  app.post(
    "/graphql",
    express.json({ limit: BODY_LIMITS.graphql }),
    authenticate(verifiers),
    requireGraphqlRequest,
  );
  const refuse = onlyPost("GraphQL is asked by POST");
  app.all("/graphql", (request, response, next) => {
    if (request.method === "POST") next();
    else refuse(request, response, next);
  });
  const prepare = () => ensureSigningKey(identity, identityPool, logger);
  return { app, listener, verifiers, prepare };
}

/** Called when every other route is in place. */
export function closeRoutes(app: Express): void {
  app.use(notFound);
  app.use(handleError);
}

function secureHeaders({ isProduction, publicUrl }: ServerConfig) {
  if (isProduction) return helmet();
  // Ruru runs inline scripts and workers made of blobs; it is served in development only.
  const own = ["'self'", "'unsafe-inline'", "'unsafe-eval'", "blob:", "data:"];
  return helmet({
    contentSecurityPolicy: {
      directives: {
        defaultSrc: own,
        scriptSrc: own,
        workerSrc: own,
        connectSrc: [...own, publicUrl.replace(/^http/, "ws")],
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: false,
  });
}
