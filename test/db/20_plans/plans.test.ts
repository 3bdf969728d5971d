import { asAnonymous, asUser, createCast, expect, test } from "../../support/index.ts";
import { codeOf, rowsOf } from "../../support/query.ts";

const CATALOG = ["plans", "features", "plan_features", "plan_prices"];

test("a visitor reads what each plan grants", async ({ db }) => {
  const rows = await asAnonymous(db, () =>
    rowsOf(
      db,
      `select plan_key, feature_key, kind, is_enabled, quota
      from app_public.plan_features
      join app_public.features on features.key = feature_key
      join app_public.plans on plans.key = plan_key
      order by plans.position, feature_key`,
    ),
  );
  const granted = (plan_key: string, feature_key: string, kind: string, quota: string | null) => ({
    plan_key,
    feature_key,
    kind,
    is_enabled: !(plan_key === "starter" && kind === "boolean"),
    quota,
  });
  expect(rows).toEqual([
    granted("starter", "apiCalls", "metered", "1000"),
    granted("starter", "customDomain", "boolean", null),
    granted("starter", "seats", "count", "3"),
    granted("pro", "apiCalls", "metered", "50000"),
    granted("pro", "customDomain", "boolean", null),
    granted("pro", "seats", "count", "15"),
    granted("enterprise", "apiCalls", "metered", null),
    granted("enterprise", "customDomain", "boolean", null),
    granted("enterprise", "seats", "count", null),
  ]);
});

test("each plan is sold by the month and by the year, under the lookup key Stripe knows", async ({
  db,
}) => {
  const rows = await asAnonymous(db, () =>
    rowsOf(db, "select lookup_key from app_public.plan_prices order by amount_minor"),
  );
  expect(rows.map((row) => row["lookup_key"])).toEqual([
    "starter_month",
    "pro_month",
    "starter_year",
    "pro_year",
    "enterprise_month",
    "enterprise_year",
  ]);
});

test.for(CATALOG)("nobody changes %s at run time", async (table, { db }) => {
  const { alice, acme } = await createCast(db);
  for (const verb of [`delete from app_public.${table}`, `truncate app_public.${table}`]) {
    const write = asUser(db, { userId: alice, tenantId: acme }, () => db.query(verb));
    expect(await codeOf(write), verb).toBe("42501");
  }
});
