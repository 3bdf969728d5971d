/**
 * The baseline of `graphql`: the same page from an endpoint that somebody careful wrote by hand for
 * it alone. It has what a production endpoint has: request ids, security headers, the same
 * verification of the same token, the same check of membership in the same transaction under the
 * same policies, prepared statements, and as few round trips as node-postgres has calls for: begin,
 * enter and the statement go out together, then commit. PostgreSQL builds the JSON, which is sent as it is.
 */
import { createServer } from "node:http";
import { once } from "node:events";

import express, { type RequestHandler } from "express";
import helmet from "helmet";
import type pg from "pg";
import type { Logger } from "pino";

import { authenticate } from "../server/auth/authenticate.ts";
import { makeAccessTokens } from "../server/auth/access_token.ts";
import { makeIdentity } from "../server/auth/identity.ts";
import type { ServerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { handleError } from "../server/http_errors.ts";
import { logRequests } from "../server/request_log.ts";
import type { RunningServer } from "../server/server.ts";
import { NEWEST_PROJECTS_SQL } from "./newest_projects.ts";

/** Serves GET /projects?first=20 to whoever has a token of `config.publicUrl`. */
export async function startBaseline(config: ServerConfig, logger: Logger): Promise<RunningServer> {
  const { databaseUrl: connectionString } = config;
  const named = { connectionString, applicationName: "bench-baseline", logger };
  const pool = makePool({ ...named, pipeline: true, max: 20 });
  const identityPool = makePool({ ...named, role: "app_identity", searchPath: "auth", max: 5 });
  const identity = makeIdentity({ pool: identityPool, config, logger });

  const app = express();
  app.disable("x-powered-by");
  app.use(logRequests(logger));
  app.use(helmet());
  const tokens = makeAccessTokens(identity, config.publicUrl);
  app.get("/projects", authenticate([tokens]), newestProjects(pool));
  app.use(handleError);

  const server = createServer(app);
  server.keepAliveTimeout = 65_000;
  server.listen(config.port, config.host);
  await once(server, "listening");
  return {
    url: `http://${config.host}:${config.port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await Promise.all([pool.end(), identityPool.end()]);
    },
  };
}

const ENTER = {
  name: "enter",
  text: "select app_private.enter($1, $2), pg_catalog.set_config('role', 'app_user', true)",
};

function newestProjects(pool: pg.Pool): RequestHandler {
  return async function listNewestProjects(request, response) {
    const { caller } = request;
    const claims = caller !== undefined && "person" in caller ? caller.person : undefined;
    const first = Number(request.query["first"]);
    if (claims === undefined || !Number.isInteger(first) || first < 1 || first > 100) {
      response.sendStatus(claims === undefined ? 401 : 400);
      return;
    }
    const client = await pool.connect();
    let failure: Error | undefined;
    try {
      const [, , { rows }] = await Promise.all([
        client.query("begin"),
        client.query({ ...ENTER, values: [claims.userId, claims.tenantId] }),
        client.query<{ body: string }>({
          name: "newest_projects",
          text: NEWEST_PROJECTS_SQL,
          values: [first],
        }),
      ]);
      await client.query("commit");
      response.type("json").send(rows[0]?.body);
    } catch (error) {
      // Whatever state the connection is in, nobody else gets it.
      failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      client.release(failure);
    }
  };
}
