/**
 * Who watches B while the attacks run. An attack's transaction is rolled back, so its changes are
 * never there for others to see; but what it changes, deletes, locks or references it has to lock,
 * and a row inserted for B locks B's tenant, which it references. So the witness, on a connection of
 * its own that sees everything, asks for every row of B's and counts those it can't have at once.
 */
import { createHash } from "node:crypto";

import type pg from "pg";

import type { Planting } from "../fixture/plant.ts";
import { ownedBy } from "./owned.ts";
import type { Relation } from "./relations.ts";

export type Witness = {
  /** Tables where a row of B's is changed, deleted or locked by somebody now. */
  disturbed(): Promise<string[]>;
  /** All of B's rows as they are committed. */
  fingerprint(): Promise<string>;
};

/** `client` sees and may lock all rows: rowhouse_migrator's or a superuser's connection. */
export async function witness(
  client: pg.ClientBase,
  planting: Planting,
  relations: readonly Relation[],
): Promise<Witness> {
  const planted = new Set(planting.tables.map(({ name }) => name));
  const watched = relations.flatMap((relation) => {
    const condition = planted.has(relation.name) ? ownedBy(planting.b, relation) : undefined;
    return condition === undefined ? [] : [{ name: relation.name, condition }];
  });
  const free = watched.map(
    ({ name, condition }) => `(select count(*)::int from (
      select from ${name} where ${condition} for update skip locked
    ) as free)`,
  );
  const sql = `select array[${free.join(", ")}] as free`;
  const count = async () => {
    const { rows } = await client.query<{ free: number[] }>({ name: "witness", text: sql });
    return rows[0]?.free ?? [];
  };
  const atFirst = await count();
  return {
    async disturbed() {
      const now = await count();
      return watched.filter((_, n) => now[n] !== atFirst[n]).map(({ name }) => name);
    },
    async fingerprint() {
      const hash = createHash("md5");
      for (const { name, condition } of watched) {
        const { rows } = await client.query<{ row: string }>(
          `select to_jsonb(t)::text as row from ${name} as t where ${condition} order by 1`,
        );
        hash.update(JSON.stringify([name, rows]));
      }
      return hash.digest("hex");
    },
  };
}
