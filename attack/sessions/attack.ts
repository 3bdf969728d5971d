/** The attack on pools and sessions: fifty tenants at once, and trouble. */
import type pg from "pg";

import type { Attempt } from "../attempt.ts";
import { besiegeServer } from "./http.ts";
import { besiegePool } from "./pool.ts";
import { randomFrom } from "./random.ts";
import { tallyOf } from "./tally.ts";
import { evict, settle } from "./tenants.ts";

export type SessionTarget = {
  /** Sees and writes all rows: rowhouse_migrator's or a superuser's connection. */
  client: pg.ClientBase;
  /** The server's login. */
  server: string;
  /** A running server; without one, only the pool is attacked. */
  url: string | undefined;
  /** Requests to the pool, and to the server. */
  requests: { pool: number; http: number };
  seed: number;
};

const TENANTS = 50;

/** Plants its tenants, attacks, and takes them away again. */
export async function attackSessions(target: SessionTarget): Promise<readonly Attempt[]> {
  const { client, server, url, requests, seed } = target;
  const random = randomFrom(seed);
  const tally = tallyOf(`${TENANTS} tenants at once`);
  await client.query("begin");
  const crowd = await settle(client, TENANTS);
  await client.query("commit");
  try {
    await besiegePool(server, crowd, { requests: requests.pool, random, tally });
    if (url !== undefined) {
      await besiegeServer({ url, server }, crowd, { requests: requests.http, random, tally });
    }
  } finally {
    await evict(client, crowd);
  }
  return tally.attempts();
}
