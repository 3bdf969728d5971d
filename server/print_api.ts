import "./graphile_env.ts";

import type pg from "pg";
import type { Logger } from "pino";
import { postgraphile } from "postgraphile";
import { lexicographicSortSchema, printSchema } from "postgraphile/graphql";

import { makePreset } from "./graphile.config.ts";

/** The API in GraphQL's schema language, sorted, as a login role's pool sees it. */
export async function printApi(pool: pg.Pool, logger: Logger): Promise<string> {
  const graphile = postgraphile(
    makePreset({
      pool,
      logger,
      maxRequestLength: 1,
      livemode: false,
      returnOrigins: [],
      billing: { waitMs: 0, stopping: AbortSignal.abort() },
      // Nobody subscribes to what is only printed.
      notifications: { subscribe: () => () => undefined },
      ruru: false,
    }),
  );
  try {
    return `${printSchema(lexicographicSortSchema(await graphile.getSchema()))}\n`;
  } finally {
    await graphile.release();
  }
}
