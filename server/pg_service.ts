/**
 * PostGraphile's way to the database. Its stock adaptor takes four round trips for a query: begin,
 * settings, the query, commit. Here begin, app_private.enter() and the first statement leave
 * together, so that it takes two, and membership is checked on the way.
 */
import "./graphile_env.ts";

import type pg from "pg";
import type { PgClientQuery, PgClientResult, WithPgClient } from "postgraphile/@dataplan/pg";
import {
  createWithPgClient,
  makePgService,
  type NodePostgresPgClient,
} from "postgraphile/adaptors/pg";

import { Refusal } from "./errors.ts";

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

type RawClient = Pick<pg.PoolClient, "query" | "getTransactionStatus" | "end">;

const ENTER = {
  name: "rowhouse_enter",
  text: `
    select
      app_private.enter($1::uuid, $2::uuid, $3, decode($4, 'hex')),
      pg_catalog.set_config('role', $5, true)`,
} as const;

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

  const withPgClient: WithPgClient<NodePostgresPgClient> = (settings, callback) => {
    // Only introspection comes without settings: it reads catalogs, as a role with no rights.
    if (settings === null) return lend(null, callback);
    return lend(null, (client) => inTransaction(client, settings, callback));
  };
  withPgClient.release = () => lend.release?.();
  return withPgClient;
}

async function inTransaction<T>(
  client: NodePostgresPgClient,
  settings: Record<string, string | undefined>,
  callback: (client: NodePostgresPgClient) => T | Promise<T>,
): Promise<T> {
  const { role } = settings;
  if (role === undefined) throw new Error("A request without a role must not reach the database");

  const raw: RawClient = client.rawClient;
  const entered = Promise.all([
    raw.query("begin"),
    raw.query({
      ...ENTER,
      values: [
        settings["app.current_user_id"],
        settings["app.current_tenant_id"],
        settings["app.request"],
        settings["app.api_key_hash"],
        role,
      ],
    }),
  ]);
  // Looked at with the first statement's answer, below; until then it must not count as unhandled.
  entered.catch(() => undefined);

  try {
    const result = await callback(enteredClient(client, entered, 0));
    await entered;
    await raw.query("commit");
    return result;
  } catch (error) {
    // If entering failed, so did all that followed, with a lesser reason.
    const reason = await entered.then(
      () => error,
      (refusal: unknown) => refusal,
    );
    await rollBack(raw);
    throw signInFirst(reason, role);
  }
}

/** A client whose statements go out at once, but whose answers count only once entered. */
function enteredClient(
  client: NodePostgresPgClient,
  entered: Promise<unknown>,
  depth: number,
): NodePostgresPgClient {
  return {
    rawClient: client.rawClient,
    async query<TData>(options: PgClientQuery): Promise<PgClientResult<TData>> {
      const answer = client.query<TData>(options);
      // If entering failed, this fails as well, with a lesser reason.
      answer.catch(() => undefined);
      await entered;
      refuseNothingChanged(options.text, (await answer).rowCount);
      return answer;
    },
    async withTransaction(callback) {
      const name = `rowhouse_${depth}`;
      await client.rawClient.query(`savepoint ${name}`);
      try {
        const result = await callback(enteredClient(client, entered, depth + 1));
        await client.rawClient.query(`release savepoint ${name}`);
        return result;
      } catch (error) {
        await client.rawClient.query(`rollback to savepoint ${name}`);
        throw error;
      }
    },
  };
}

/**
 * PostGraphile takes an update of no row for a success, and a delete of none for a fault of ours. To
 * a client both mean: there is no such row, at least none of its own.
 */
function refuseNothingChanged(statement: string, rowCount: number | null | undefined): void {
  if (rowCount === 0 && /^(?:update|delete)\s/i.test(statement)) {
    throw new Refusal("INPUT", "There is no such row that you may change");
  }
}

/** Leaves the connection clean, or closes it: none goes back with a role or a tenant set. */
async function rollBack(raw: RawClient): Promise<void> {
  try {
    await raw.query("rollback");
  } catch {
    // The connection is gone; what it was doing is rolled back by its end.
  }
  if (raw.getTransactionStatus() !== "I") void raw.end();
}

/** To a visitor, "permission denied" means: sign in. */
function signInFirst(error: unknown, role: string): unknown {
  const isDenied = error instanceof Error && "code" in error && error.code === "42501";
  return isDenied && role === "app_anonymous"
    ? new Refusal("LOGIN", "You must be signed in")
    : error;
}
