/** Several servers at once: real connections, real commits. */
import { expect, withClient, type Cast, type TestDatabase } from "../../support/index.ts";
import { test } from "../../support/committed.ts";
import { waitForLock } from "../../support/locks.ts";
import { codeOf, request, rowOf } from "../../support/query.ts";

async function limit(database: TestDatabase, tenantId: string, quota: number): Promise<void> {
  await withClient(database.urls.superuser, async (client) => {
    await client.query("delete from app_private.usage_counters");
    await client.query("delete from app_private.usage_records");
    await client.query(
      `insert into app_private.feature_overrides (tenant_id, feature_key, quota)
      values ($1, 'apiCalls', $2)
      on conflict (tenant_id, feature_key) do update set quota = excluded.quota`,
      [tenantId, quota],
    );
  });
}

function consume(database: TestDatabase, { bob, acme }: Cast, amount: number, key: string) {
  return request(database, { userId: bob, tenantId: acme }, (client) =>
    client.query("select app_public.consume_feature('apiCalls', $1, $2)", [amount, key]),
  );
}

/** How many of each outcome. */
async function tally(calls: Promise<unknown>[]): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  for (const code of await Promise.all(calls.map(codeOf))) {
    outcomes[String(code)] = (outcomes[String(code)] ?? 0) + 1;
  }
  return outcomes;
}

function counted(database: TestDatabase): Promise<Record<string, unknown>> {
  return withClient(database.urls.superuser, (client) =>
    rowOf(
      client,
      `select (select sum(used)::int from app_private.usage_counters) as used,
        (select sum(amount)::int from app_private.usage_records) as recorded`,
    ),
  );
}

test("of 20 uses at once with a limit of 10, exactly 10 succeed", async ({ database, cast }) => {
  await limit(database, cast.acme, 10);
  const calls = Array.from({ length: 20 }, (_, n) => consume(database, cast, 1, `key ${n}`));
  expect(await tally(calls)).toEqual({ done: 10, QUOTA: 10 });
  expect(await counted(database)).toEqual({ used: 10, recorded: 10 });
});

test("uses of different size at once never pass the limit", async ({ database, cast }) => {
  await limit(database, cast.acme, 10);
  const calls = Array.from({ length: 12 }, (_, n) => consume(database, cast, (n % 3) + 2, `${n}`));
  const { done = 0, QUOTA = 0 } = await tally(calls);
  expect(done + QUOTA).toBe(12);
  const { used, recorded } = await counted(database);
  expect(used).toBe(recorded);
  expect(used).toBeLessThanOrEqual(10);
  expect(used).toBeGreaterThanOrEqual(7);
});

test("the same key from 10 connections at once counts once", async ({ database, cast }) => {
  await limit(database, cast.acme, 10);
  const calls = Array.from({ length: 10 }, () => consume(database, cast, 3, "the same"));
  expect(await tally(calls)).toEqual({ done: 10 });
  expect(await counted(database)).toEqual({ used: 3, recorded: 3 });
});

test("a refusal tells what is used when it is refused, not what was when it came", async ({
  database,
  cast: { bob, acme },
}) => {
  await limit(database, acme, 10);
  const who = { userId: bob, tenantId: acme };
  const use = "select app_public.consume_feature('apiCalls', $1, $2)";
  let late: Promise<unknown> | undefined;
  await request(database, who, async (first) => {
    await first.query(use, [9, "first"]);
    late = request(database, who, (second) => second.query(use, [2, "second"])).catch(
      (error: unknown) => error,
    );
    await withClient(database.urls.superuser, (watcher) => waitForLock(watcher));
  });
  expect(await late).toMatchObject({
    code: "QUOTA",
    detail: expect.stringContaining('"used" : 9'),
  });
});
