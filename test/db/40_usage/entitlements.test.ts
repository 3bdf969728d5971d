import type pg from "pg";

import { asUser, createCast, expect, test, type Cast } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

type Entitlement = { feature: string; kind: string; enabled: boolean; limit: number | null };

async function entitlements(db: pg.Client, { bob, acme }: Cast): Promise<Entitlement[]> {
  return asUser(db, { userId: bob, tenantId: acme }, () =>
    rowsOf<Entitlement>(
      db,
      `select feature, kind, enabled, "limit", used, remaining, resets_at
      from app_public.entitlements order by feature`,
    ),
  );
}

test.for([
  { plan: "starter", calls: 1000, seats: 3, domain: false },
  { plan: "pro", calls: 50_000, seats: 15, domain: true },
  { plan: "enterprise", calls: null, seats: null, domain: true },
])("on $plan", async ({ plan, calls, seats, domain }, { db }) => {
  const cast = await createCast(db);
  await db.query(
    `update app_public.tenants
    set plan = $1, current_period_start = '2026-11-05', current_period_end = '2026-12-05'`,
    [plan],
  );
  expect(await entitlements(db, cast)).toEqual([
    {
      feature: "apiCalls",
      kind: "metered",
      enabled: true,
      limit: calls,
      used: 0,
      remaining: calls,
      resets_at: new Date("2026-12-05T00:00:00Z"),
    },
    {
      feature: "customDomain",
      kind: "boolean",
      enabled: domain,
      limit: null,
      used: null,
      remaining: null,
      resets_at: null,
    },
    {
      feature: "seats",
      kind: "count",
      enabled: true,
      limit: seats,
      used: 2,
      remaining: seats === null ? null : seats - 2,
      resets_at: null,
    },
  ]);
});

test("before the first paid period usage is counted by the calendar month, in UTC", async ({
  db,
}) => {
  const cast = await createCast(db);
  const { month } = await rowOf<{ month: Date }>(
    db,
    "select date_trunc('month', now(), 'UTC') + interval '1 month' as month",
  );
  expect(await entitlements(db, cast)).toContainEqual(
    expect.objectContaining({ feature: "apiCalls", resets_at: month }),
  );
});

test("an override replaces what the plan says, for its tenant only, while it lasts", async ({
  db,
}) => {
  const cast = await createCast(db);
  await db.query(
    `insert into app_private.feature_overrides (tenant_id, feature_key, is_enabled, quota, expires_at)
    values ($1, 'apiCalls', true, 7, null), ($1, 'seats', true, null, now() + interval '1 hour'),
      ($1, 'customDomain', false, null, now() + interval '1 hour'), ($2, 'apiCalls', true, 1, null)`,
    [cast.acme, cast.globex],
  );
  expect(await entitlements(db, cast)).toMatchObject([
    { feature: "apiCalls", enabled: true, limit: 7, remaining: 7 },
    { feature: "customDomain", enabled: false },
    { feature: "seats", enabled: true, limit: null, used: 2, remaining: null },
  ]);
  await db.query("update app_private.feature_overrides set expires_at = now()");
  expect(await entitlements(db, cast)).toMatchObject([
    { feature: "apiCalls", limit: 50_000 },
    { feature: "customDomain", enabled: true },
    { feature: "seats", limit: 15 },
  ]);
});

test("a limit that was lowered below what is used leaves nothing, not less than nothing", async ({
  db,
}) => {
  const cast = await createCast(db);
  await db.query(
    "insert into app_private.feature_overrides (tenant_id, feature_key, quota) values ($1, 'seats', 1)",
    [cast.acme],
  );
  expect(await entitlements(db, cast)).toContainEqual(
    expect.objectContaining({ feature: "seats", limit: 1, used: 2, remaining: 0 }),
  );
});

test("a suspended tenant has nothing, and still sees what it had used; read-only has its plan", async ({
  db,
}) => {
  const cast = await createCast(db);
  await db.query("update app_public.tenants set access = 'none'");
  expect(await entitlements(db, cast)).toMatchObject([
    { feature: "apiCalls", enabled: false, limit: 0, used: 0 },
    { feature: "customDomain", enabled: false },
    { feature: "seats", enabled: false, limit: 0, used: 2, remaining: 0 },
  ]);
  await db.query("update app_public.tenants set access = 'read_only'");
  expect(await entitlements(db, cast)).toContainEqual(
    expect.objectContaining({ feature: "apiCalls", enabled: true, limit: 50_000 }),
  );
});

test("tenantHasFeature answers for a feature on, off and unknown", async ({ db }) => {
  const { bob, acme } = await createCast(db);
  await db.query("update app_public.tenants set plan = 'starter'");
  const row = await asUser(db, { userId: bob, tenantId: acme }, () =>
    rowOf(
      db,
      `select app_public.tenant_has_feature('seats') as on, app_public.tenant_has_feature('customDomain') as off,
        app_public.tenant_has_feature('nonsense') as unknown, app_public.tenant_has_feature(null) as nothing`,
    ),
  );
  expect(row).toEqual({ on: true, off: false, unknown: false, nothing: false });
});

test("a person between tenants is told to choose one", async ({ db }) => {
  const { alice } = await createCast(db);
  const asked = asUser(db, { userId: alice }, () =>
    db.query("select * from app_public.entitlements"),
  );
  expect(await codeOf(asked)).toBe("TNREQ");
});

test.for([
  "update app_private.usage_counters set used = 0",
  "insert into app_private.usage_counters (tenant_id, feature_key, period_start) values (gen_random_uuid(), 'apiCalls', now())",
  "delete from app_private.usage_counters",
  "select * from app_private.usage_records",
  "insert into app_private.feature_overrides (tenant_id, feature_key) values (gen_random_uuid(), 'apiCalls')",
  "update app_private.feature_overrides set quota = null",
])("an owner may not raise their own limits: %s", async (sql, { db }) => {
  const { alice, acme } = await createCast(db);
  const write = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
  expect(await codeOf(write)).toBe("42501");
});
