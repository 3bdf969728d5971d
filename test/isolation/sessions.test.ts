import type pg from "pg";

import { describeAttempt, failures } from "../../attack/attempt.ts";
import { attackSessions } from "../../attack/sessions/attack.ts";
import type { Door } from "../../attack/sessions/doors.ts";
import { besiegePool } from "../../attack/sessions/pool.ts";
import { randomFrom } from "../../attack/sessions/random.ts";
import { tallyOf } from "../../attack/sessions/tally.ts";
import { evict, settle } from "../../attack/sessions/tenants.ts";
import { expect, test, withClient } from "../support/index.ts";
import { withSystem } from "../support/system.ts";

/** `npm run attack` sends 10,000 to the pool; what takes it a minute is left out here. */
const REQUESTS = { pool: 1_000, http: 200 };

test(
  "fifty tenants on five connections get their own answers, whatever is cut off in between",
  {
    timeout: 90_000,
  },
  async ({ database }) => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    await withSystem(database, { worker: false }, async ({ url }) => {
      await withClient(database.urls.migrator, async (client) => {
        const server = database.urls.server;
        const attempts = await attackSessions({ client, server, url, requests: REQUESTS, seed });
        expect(failures(attempts).map(describeAttempt), `seed ${seed}`).toEqual([]);
        expect(attempts.map(({ verb }) => verb)).toEqual(
          expect.arrayContaining(["read, write, read", "enter another's", "hang up"]),
        );
        const { rows } = await client.query("select from app_public.tenants");
        expect(rows).toEqual([]);
      });
    });
  },
);

test(
  "a way to the database that trusts the work to tidy up is found out",
  { timeout: 30_000 },
  async ({ database }) => {
    await withClient(database.urls.migrator, async (client) => {
      const crowd = await settle(client, 10);
      const tally = tallyOf("10 tenants at once");
      const open = async (pool: pg.Pool) => [careless(pool)];
      const random = randomFrom(1);
      await besiegePool(database.urls.server, crowd, { requests: 500, random, tally, open });
      const looked = tally
        .attempts()
        .find(({ verb }) => verb === "look for what the last user left");
      expect(looked).toMatchObject({ breach: true, detail: expect.stringMatching(/^Left: /) });
      await evict(client, crowd);
    });
  },
);

test("the same seed makes the same choices", () => {
  const choices = (seed: number) => {
    const random = randomFrom(seed);
    return Array.from({ length: 20 }, () => random.below(1_000));
  };
  expect(choices(7)).toEqual(choices(7));
  expect(choices(7)).not.toEqual(choices(8));
  expect(new Set(choices(7)).size).toBeGreaterThan(15);
});

/** Ends its transaction, and gives its connection back as the work left it. */
function careless(pool: pg.Pool): Door {
  return {
    name: "careless",
    takesMischief: true,
    async enter({ userId, tenantId }, work) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        await client.query(
          "select app_private.enter($1::uuid, $2::uuid), set_config('role', 'app_user', true)",
          [userId, tenantId],
        );
        const result = await work(
          async (text, values = []) => (await client.query(text, values)).rows,
        );
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    },
  };
}
