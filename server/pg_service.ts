/**
 * PostGraphile's way to the database. Its stock adaptor takes four round trips for a query: begin,
 * settings, the query, commit. Here app_private.enter() leaves with the query and makes one
 * transaction with it: one round trip, with membership checked on the way.
 *
 * So each query of a callback is a transaction of its own, unless it is asked of the client that
 * `withTransaction` hands out: then begin, enter and the first statement leave together.
 */
import "./graphile_env.ts";

import type pg from "pg";
import type { WithPgClient } from "postgraphile/@dataplan/pg";
import {
  createWithPgClient,
  makePgService,
  type NodePostgresPgClient,
} from "postgraphile/adaptors/pg";

import { enteringClient, type Entering } from "./entering_client.ts";

/** What a request's transaction is entered with; server/graphile.config.ts makes it from claims. */
export type EnterSettings = {
  role: "app_user" | "app_anonymous";
  "app.current_user_id"?: string;
  "app.current_tenant_id"?: string;
  /** SHA-256 in hexadecimal; brings its own tenant. */
  "app.api_key_hash"?: string;
  /** JSON, for the audit log. */
  "app.request"?: string;
};

const ENTER = `
  select
    app_private.enter($1::uuid, $2::uuid, $3, decode($4, 'hex')),
    pg_catalog.set_config('role', $5, true)`;

/** A PostGraphile service over a pool made with `pipeline: true`. */
export function makeRowhousePgService(pool: pg.Pool): GraphileConfig.PgServiceConfiguration {
  const service = makePgService({ pool, schemas: ["app_public"], pubsub: false });
  return {
    ...service,
    adaptor: { makePgService, createWithPgClient: () => enteringClients(pool) },
  };
}

function enteringClients(pool: pg.Pool): WithPgClient<NodePostgresPgClient> {
  // The stock adaptor still lends connections and keeps each one's prepared statements bounded.
  const lend: WithPgClient<NodePostgresPgClient> = createWithPgClient({ pool });

  const withPgClient: WithPgClient<NodePostgresPgClient> = async (settings, callback) => {
    // Only introspection comes without settings: it reads catalogs, as a role with no rights.
    if (settings === null) return lend(null, callback);
    const entering = enteringAs(settings);
    return lend(null, (client) => callback(enteringClient(client, entering)));
  };
  withPgClient.release = () => lend.release?.();
  return withPgClient;
}

function enteringAs(settings: Record<string, string | undefined>): Entering {
  const { role } = settings;
  if (role === undefined) throw new Error("A request without a role must not reach the database");
  const values = [
    settings["app.current_user_id"],
    settings["app.current_tenant_id"],
    settings["app.request"],
    settings["app.api_key_hash"],
    role,
  ];
  return { entry: { name: "rowhouse_enter", text: ENTER, values }, role };
}
