import fc from "fast-check";
import type pg from "pg";

import { asAnonymous, asUser, createCast, expect, test, type Cast } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf, undone } from "../../support/query.ts";

type Usage = { feature: string; limit: number | null; used: number; remaining: number | null };

function consume(
  db: pg.Client,
  { bob, acme }: Cast,
  amount: number | null,
  key: string | null,
  feature: string | null = "apiCalls",
): Promise<Usage> {
  return asUser(db, { userId: bob, tenantId: acme }, () =>
    rowOf<Usage>(
      db,
      `select feature, "limit", used, remaining from app_public.consume_feature($1, $2, $3)`,
      [feature, amount, key],
    ),
  );
}

async function limit(db: pg.Client, { acme }: Cast, quota: number | null): Promise<void> {
  await db.query(
    "insert into app_private.feature_overrides (tenant_id, feature_key, quota) values ($1, 'apiCalls', $2)",
    [acme, quota],
  );
}

test("what is used is counted and the new state returned", async ({ db }) => {
  const cast = await createCast(db);
  await limit(db, cast, 10);
  expect(await consume(db, cast, 3, "a")).toEqual({
    feature: "apiCalls",
    limit: 10,
    used: 3,
    remaining: 7,
  });
  expect(await consume(db, cast, 4, "b")).toMatchObject({ used: 7, remaining: 3 });
});

test("a key counts once, also when the limit is reached by then; another amount is a conflict", async ({
  db,
}) => {
  const cast = await createCast(db);
  await limit(db, cast, 3);
  await consume(db, cast, 3, "a");
  expect(await consume(db, cast, 3, "a")).toMatchObject({ used: 3, remaining: 0 });
  expect(await codeOf(consume(db, cast, 2, "a"))).toBe("CNFLT");
  expect(await consume(db, cast, 3, "a")).toMatchObject({ used: 3 });
});

test("the limit can be reached exactly and not be passed; the refusal has the facts", async ({
  db,
}) => {
  const cast = await createCast(db);
  await limit(db, cast, 5);
  await db.query("update app_public.tenants set current_period_end = '2099-01-01'");
  await consume(db, cast, 4, "a");
  await expect(consume(db, cast, 2, "b")).rejects.toMatchObject({ code: "QUOTA" });
  expect(await consume(db, cast, 1, "c")).toMatchObject({ used: 5, remaining: 0 });
  const refusal = await consume(db, cast, 1, "d").catch((error: pg.DatabaseError) => error);
  expect(refusal).toMatchObject({ code: "QUOTA" });
  expect(JSON.parse(("detail" in refusal && refusal.detail) || "")).toEqual({
    feature: "apiCalls",
    limit: 5,
    used: 5,
    resetsAt: expect.stringMatching(/^2099-01-01T00:00:00/),
  });
});

test("a refused use leaves its key free", async ({ db }) => {
  const cast = await createCast(db);
  await limit(db, cast, 1);
  expect(await codeOf(consume(db, cast, 2, "a"))).toBe("QUOTA");
  expect(await consume(db, cast, 1, "a")).toMatchObject({ used: 1 });
});

test("without a limit everything is counted and nothing refused", async ({ db }) => {
  const cast = await createCast(db);
  await limit(db, cast, null);
  await consume(db, cast, 1_000_000, "a");
  expect(await consume(db, cast, 1_000_000, "b")).toEqual({
    feature: "apiCalls",
    limit: null,
    used: 2_000_000,
    remaining: null,
  });
});

test("a new period starts at 0", async ({ db }) => {
  const cast = await createCast(db);
  await limit(db, cast, 5);
  await db.query("update app_public.tenants set current_period_start = '2026-10-01'");
  await consume(db, cast, 5, "a");
  await db.query("update app_public.tenants set current_period_start = '2026-11-01'");
  expect(await consume(db, cast, 2, "b")).toMatchObject({ used: 2 });
});

test.for([
  { why: "a feature not in the plan", change: "is_enabled = false", code: "FEATR" },
  { why: "a feature in the plan with a quota of 0", change: "quota = 0", code: "QUOTA" },
])("$why is refused with $code", async ({ change, code }, { db }) => {
  const cast = await createCast(db);
  await limit(db, cast, 5);
  await db.query(`update app_private.feature_overrides set ${change}`);
  expect(await codeOf(consume(db, cast, 1, "a"))).toBe(code);
});

test.for([
  { amount: 0, key: "a", feature: "apiCalls" },
  { amount: -1, key: "a", feature: "apiCalls" },
  { amount: 1_000_001, key: "a", feature: "apiCalls" },
  { amount: null, key: "a", feature: "apiCalls" },
  { amount: 1, key: "", feature: "apiCalls" },
  { amount: 1, key: null, feature: "apiCalls" },
  { amount: 1, key: "k".repeat(201), feature: "apiCalls" },
  { amount: 1, key: "a", feature: "nonsense" },
  { amount: 1, key: "a", feature: null },
  { amount: 1, key: "a", feature: "seats" },
  { amount: 1, key: "a", feature: "customDomain" },
])(
  "bad input is named as such: $amount $key $feature",
  async ({ amount, key, feature }, { db }) => {
    const cast = await createCast(db);
    expect(await codeOf(consume(db, cast, amount, key, feature))).toBe("INPUT");
    expect(await rowsOf(db, "select from app_private.usage_records")).toEqual([]);
  },
);

test("a tenant that may not write uses nothing; nor does a visitor", async ({ db }) => {
  const cast = await createCast(db);
  for (const [access, code] of [
    ["read_only", "TNRDO"],
    ["none", "TNSUS"],
  ]) {
    await db.query("update app_public.tenants set access = $1", [access]);
    expect(await codeOf(consume(db, cast, 1, "a"))).toBe(code);
  }
  const visitor = asAnonymous(db, () =>
    db.query("select app_public.consume_feature('apiCalls', 1, 'a')"),
  );
  expect(await codeOf(visitor)).toBe("42501");
});

test("what one tenant uses, its keys and its period are nothing to its neighbour", async ({
  db,
}) => {
  const cast = await createCast(db);
  await db.query(
    "update app_public.tenants set current_period_start = case id when $1 then date '2026-10-01' else '2026-11-01' end",
    [cast.acme],
  );
  expect(await consume(db, cast, 5, "a")).toMatchObject({ used: 5 });
  const theirs = { ...cast, bob: cast.mallory, acme: cast.globex };
  expect(await consume(db, theirs, 7, "a")).toMatchObject({ used: 7 });
});

test("in any sequence of uses and repeats, exactly what was accepted is counted, never beyond the limit", async ({
  db,
}) => {
  const cast = await createCast(db);
  const use = fc.record({
    amount: fc.integer({ min: 1, max: 8 }),
    key: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 20 }),
      fc.array(use, { maxLength: 12 }),
      async (quota, uses) => {
        await undone(db, async () => {
          await limit(db, cast, quota);
          const accepted = new Map<string, number>();
          for (const { amount, key } of uses) {
            const used = accepted.values().reduce((sum, each) => sum + each, 0);
            const known = accepted.get(key);
            const fits = used + amount <= quota;
            const expected =
              known === undefined ? (fits ? "done" : "QUOTA") : known === amount ? "done" : "CNFLT";
            expect(await codeOf(consume(db, cast, amount, key))).toBe(expected);
            if (expected === "done") accepted.set(key, amount);
          }
          const total = accepted.values().reduce((sum, each) => sum + each, 0);
          expect(total).toBeLessThanOrEqual(quota);
          const counted = await rowOf(
            db,
            "select coalesce(sum(used), 0)::int as used from app_private.usage_counters",
          );
          expect(counted).toEqual({ used: total });
        });
      },
    ),
    { numRuns: 30 },
  );
});
