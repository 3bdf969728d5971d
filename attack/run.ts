/** The whole attack: plants, attacks layer by layer, and takes away what it planted. */
import pg from "pg";

import type { Attempt } from "./attempt.ts";
import { attackCatalog } from "./catalog/attack.ts";
import { plant, type Planting } from "./fixture/plant.ts";
import { uproot } from "./fixture/uproot.ts";
import { attackGraphql } from "./graphql/attack.ts";
import type { LayerName } from "./options.ts";
import { attackSessions } from "./sessions/attack.ts";
import type { AttackTarget } from "./target.ts";

export type RunOptions = {
  layers: readonly LayerName[];
  seed: number;
  log: (line: string) => void;
  /** How much the sessions send; the whole suite's numbers unless it says. */
  requests?: { pool: number; http: number };
};

const REQUESTS = { pool: 10_000, http: 2_000 };

type Target = Omit<AttackTarget, typeof Symbol.asyncDispose>;
type Run = RunOptions & { target: Target; client: pg.Client; planting: Planting };

/** Every attempt of the layers asked for. Whatever happens, what was planted is taken away. */
export async function runAttack(target: Target, options: RunOptions): Promise<readonly Attempt[]> {
  const { layers, log } = options;
  const client = new pg.Client({
    connectionString: target.migrator,
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => {});
  await client.connect();
  try {
    log("planting two tenants");
    const planting = await atOnce(client, () => plant(client));
    try {
      const attempts: Attempt[] = [];
      for (const layer of layers) {
        log(`attacking: ${layer}`);
        const found = await LAYER[layer]({ ...options, target, client, planting });
        const breaches = found.filter(({ breach }) => breach).length;
        log(`${layer}: ${found.length} attempts, ${breaches} got through`);
        attempts.push(...found);
      }
      return attempts;
    } finally {
      log("taking away what was planted");
      await atOnce(client, () => uproot(client, planting));
    }
  } finally {
    await client.end();
  }
}

const LAYER: Readonly<Record<LayerName, (run: Run) => Promise<readonly Attempt[]>>> = {
  catalog: ({ target: { migrator, server, worker }, planting }) =>
    attackCatalog({ privileged: migrator, server, worker }, planting),
  graphql: ({ target: { url }, client, planting }) =>
    attackGraphql({ url, client, isExhaustive: true }, planting),
  sessions: ({ target: { url, server }, client, seed, requests = REQUESTS }) =>
    attackSessions({ client, server, url, seed, requests }),
};

async function atOnce<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    const result = await work();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
