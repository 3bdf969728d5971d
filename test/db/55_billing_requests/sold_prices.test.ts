/** What is not for sale is refused before anything is asked of Stripe. */
import { asUser } from "../../support/acting.ts";
import { createCast } from "../../support/cast.ts";
import { expect, test } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const FOUND = "select id from app_public.create_tenant('Acme', $1, $2, 'k1')";

test("a plan that is not sold now founds no tenant; one founded before is found again", async ({
  db,
}) => {
  const { alice } = await createCast(db);
  const found = (plan: string, interval: string) =>
    asUser(db, { userId: alice }, () => rowOf<{ id: string }>(db, FOUND, [plan, interval]));
  const tenants = () => rowsOf(db, "select from app_public.tenants");
  const withdraw = (interval: string) =>
    db.query(
      `update app_public.plan_prices set is_active = false
      where plan_key = 'pro' and "interval" = $1`,
      [interval],
    );
  const before = (await tenants()).length;
  await withdraw("year");
  expect(await codeOf(found("pro", "year"))).toBe("INPUT");
  await db.query("delete from app_public.plan_prices where plan_key = 'starter'");
  expect(await codeOf(found("starter", "month"))).toBe("INPUT");
  expect(await tenants()).toHaveLength(before);

  const first = await found("pro", "month");
  await withdraw("month");
  expect(await found("pro", "month")).toEqual(first);
});

test("a plan that is not sold now is neither offered nor changed to", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  await db.query("select app_private.record_intent_customer($1, 'cus_acme')", [acme]);
  const attempt = (call: string) =>
    codeOf(
      asUser(db, { userId: alice, tenantId: acme }, () => db.query(`select app_public.${call}`)),
    );
  await db.query("update app_public.plan_prices set is_active = false where plan_key = 'pro'");
  await db.query(
    `update app_public.plan_prices set is_active = false
    where plan_key = 'enterprise' and "interval" = 'year'`,
  );
  expect(await attempt("create_checkout_session('pro')")).toBe("INPUT");
  expect(await attempt("create_checkout_session('enterprise', 'year')")).toBe("INPUT");
  await db.query(
    `insert into app_private.stripe_subscriptions (tenant_id, id, customer_id, status, created_at)
    values ($1, 'sub_1', 'cus_acme', 'active', now())`,
    [acme],
  );
  for (const call of ["preview_plan_change", "change_plan"]) {
    expect(await attempt(`${call}('pro')`)).toBe("INPUT");
    expect(await attempt(`${call}('enterprise', 'year')`)).toBe("INPUT");
    expect(await attempt(`${call}('enterprise')`)).toBe("done");
  }
});
