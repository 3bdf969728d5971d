import {
  DAY,
  EPOCH,
  invoice,
  recordAsWorker,
  standing,
  subscription,
  tieCustomer,
} from "../../support/billing.ts";
import { createCast, expect, test } from "../../support/index.ts";
import { rowsOf } from "../../support/query.ts";

const NOW = Math.floor(Date.now() / 1000);
const seconds = (at: number) => new Date(at * 1000);
const ENDED = { status: "suspended", access: "none", access_reason: "canceled" };

test("what Stripe says is what the tenant is", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const paid = subscription({ lookup_keys: ["enterprise_year"], cancel_at: EPOCH + 30 * DAY });
  expect(await recordAsWorker(db, { seq: 1, subscriptions: [paid] })).toBe("recorded");
  expect(await standing(db, acme)).toEqual({
    plan: "enterprise",
    status: "active",
    access: "full",
    access_reason: "paid",
    current_period_end: seconds(EPOCH + 30 * DAY),
    cancel_at: seconds(EPOCH + 30 * DAY),
    grace_ends_at: null,
    trial_ends_at: null,
    access_until: seconds(EPOCH + 30 * DAY),
    subscription: "sub_1",
    client_secret: null,
  });
});

test("S17: what was fetched earlier, or under the same number, changes nothing", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 7, subscriptions: [subscription()] });
  const before = await standing(db, acme);
  const stale = [subscription({ status: "canceled" })];
  for (const seq of [6, 7]) {
    expect(await recordAsWorker(db, { seq, subscriptions: stale })).toBe("stale");
    expect(await recordAsWorker(db, { seq, isDeleted: true })).toBe("stale");
  }
  expect(await standing(db, acme)).toEqual(before);
});

test("a customer that no tenant has is unknown and leaves nothing", async ({ db }) => {
  await createCast(db);
  const unknown = { customer: "cus_stranger", seq: 1, subscriptions: [subscription()] };
  expect(await recordAsWorker(db, unknown)).toBe("unknown");
  expect(await rowsOf(db, "select from app_private.stripe_subscriptions")).toEqual([]);
});

test("S39: a deleted customer's tenant has no access and nothing to pay with", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription({ client_secret: "secret" })] });
  await recordAsWorker(db, { seq: 2, isDeleted: true });
  expect(await standing(db, acme)).toMatchObject({ ...ENDED, client_secret: null });
});

test("a subscription that Stripe lists no more has ended", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription()] });
  await recordAsWorker(db, { seq: 2, subscriptions: [] });
  expect(await standing(db, acme)).toMatchObject(ENDED);
});

test("a customer that has bought nothing yet leaves its tenant in provisioning", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  expect(await recordAsWorker(db, { seq: 1 })).toBe("recorded");
  expect(await standing(db, acme)).toMatchObject({ status: "provisioning", access: "none" });
});

test("S41: a price that is none of ours keeps the plan; everything else is still synced", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const odd = subscription({ lookup_keys: ["gold_month"], status: "paused" });
  await recordAsWorker(db, { seq: 1, subscriptions: [odd] });
  expect(await standing(db, acme)).toMatchObject({
    plan: "pro",
    status: "suspended",
    access: "read_only",
  });
});

test("S43: an add-on beside the plan does not hide it, in whatever order", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const keys = ["addon_month", "starter_month"];
  for (const [index, lookup_keys] of [keys, keys.toReversed()].entries()) {
    await recordAsWorker(db, { seq: index + 1, subscriptions: [subscription({ lookup_keys })] });
    expect(await standing(db, acme)).toMatchObject({ plan: "starter", status: "active" });
  }
});

test("two plans in one subscription count as the larger, in whatever order", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const keys = ["starter_month", "enterprise_month"];
  for (const [index, lookup_keys] of [keys, keys.toReversed()].entries()) {
    const both = subscription({ lookup_keys });
    expect(await recordAsWorker(db, { seq: index + 1, subscriptions: [both] })).toBe("recorded");
    expect(await standing(db, acme)).toMatchObject({ plan: "enterprise" });
  }
});

test("a closed tenant stays closed, whatever is paid", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await db.query("update app_public.tenants set status = 'closed' where id = $1", [acme]);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription()] });
  expect(await standing(db, acme)).toMatchObject({ status: "closed", access: "none" });
});

test("S25: one tenant's customer changes nothing of its neighbour", async ({ db }) => {
  const { acme, globex } = await createCast(db);
  await tieCustomer(db, acme);
  await tieCustomer(db, globex, "cus_globex");
  const before = await standing(db, globex);
  await recordAsWorker(db, { seq: NOW, subscriptions: [subscription()] });
  await recordAsWorker(db, { seq: NOW + 1, isDeleted: true });
  expect(await standing(db, globex)).toEqual(before);
});

test("S39: a customer deleted is untied, once, and a wish still open gets fresh keys", async ({
  db,
}) => {
  const { acme, globex } = await createCast(db);
  await tieCustomer(db, acme);
  await tieCustomer(db, globex, "cus_globex");
  const keys = () =>
    rowsOf(
      db,
      `select stripe_customer_id, key_generation
      from app_public.billing_accounts
      join app_private.billing_intents using (tenant_id)
      order by tenant_id`,
    );
  await recordAsWorker(db, { seq: 1, isDeleted: true });
  await recordAsWorker(db, { seq: 2, isDeleted: true });
  expect(await keys()).toEqual([
    { stripe_customer_id: null, key_generation: 1 },
    { stripe_customer_id: "cus_globex", key_generation: 0 },
  ]);
});

test("a sync that finds nothing new writes nothing but when it was", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const truth = { subscriptions: [subscription()], invoices: [invoice()] };
  await recordAsWorker(db, { seq: 1, ...truth });
  const versions = () =>
    rowsOf(
      db,
      `select ctid from app_public.tenants where id = $1
      union all select ctid from app_public.billing_accounts where tenant_id = $1
      union all select ctid from app_private.stripe_subscriptions where tenant_id = $1
      union all select ctid from app_public.invoices where tenant_id = $1`,
      [acme],
    );
  const before = await versions();
  expect(before).toHaveLength(4);
  await recordAsWorker(db, { seq: 2, ...truth });
  expect(await versions()).toEqual(before);
});
