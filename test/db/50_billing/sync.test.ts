import {
  bookedEnds,
  DAY,
  earlier,
  EPOCH,
  recordAsWorker,
  standing,
  subscription,
  tieCustomer,
} from "../../support/billing.ts";
import { asWorker, createCast, expect, test } from "../../support/index.ts";
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
    subscription: "sub_1",
    client_secret: null,
  });
});

test("what was fetched earlier, or under the same number, changes nothing", async ({ db }) => {
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

test("a deleted customer's tenant has no access and nothing to pay with", async ({ db }) => {
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

test("S26: a status that Stripe adds tomorrow grants nothing to whoever had nothing", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const future = subscription({ status: "future_status" });
  await recordAsWorker(db, { seq: 1, subscriptions: [future] });
  expect(await standing(db, acme)).toMatchObject({
    status: "suspended",
    access: "none",
    access_reason: "unknown_status",
    grace_ends_at: null,
  });
});

test("S26: a status unknown keeps what was for a day, once, and then gives nothing", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription()] });
  const future = subscription({ status: "future_status" });
  await recordAsWorker(db, { seq: 2, subscriptions: [future] });
  const kept = await standing(db, acme);
  expect(kept).toMatchObject({
    plan: "pro",
    status: "active",
    access: "full",
    access_reason: "unknown_status",
    grace_ends_at: expect.any(Date),
  });
  expect(await bookedEnds(db)).toEqual([
    { run_at: kept.grace_ends_at, key: `end_grace_period:${acme}` },
  ]);

  await earlier(db, "23 hours");
  const other = subscription({ status: "another_status" });
  await recordAsWorker(db, { seq: 3, subscriptions: [other] });
  expect(await standing(db, acme)).toMatchObject({ access: "full" });
  await earlier(db, "1 hour");
  await asWorker(db, () => db.query("select app_private.end_grace_period($1)", [acme]));
  expect(await standing(db, acme)).toMatchObject({
    status: "suspended",
    access: "none",
    access_reason: "unknown_status",
  });

  await recordAsWorker(db, { seq: 4, subscriptions: [subscription()] });
  expect(await standing(db, acme)).toMatchObject({ access_reason: "paid", grace_ends_at: null });
  expect(await bookedEnds(db)).toEqual([]);
});

test("S26: a status unknown takes nothing away when an old subscription has ended", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const old = subscription({ id: "sub_0", status: "canceled", created: EPOCH - DAY });
  await recordAsWorker(db, { seq: 1, subscriptions: [old, subscription()] });
  const future = subscription({ status: "future_status" });
  await recordAsWorker(db, { seq: 2, subscriptions: [old, future] });
  expect(await standing(db, acme)).toMatchObject({ access: "full", subscription: "sub_1" });
  const other = subscription({ id: "sub_2", lookup_keys: ["starter_month"] });
  await recordAsWorker(db, { seq: 3, subscriptions: [old, future, other] });
  expect(await standing(db, acme)).toMatchObject({ plan: "starter", subscription: "sub_2" });
});

test("the best of several subscriptions decides; an old one that ends takes nothing away", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const old = subscription({ id: "sub_old", lookup_keys: ["starter_month"], created: EPOCH - DAY });
  const fresh = subscription({ id: "sub_new", status: "incomplete", client_secret: "secret" });
  await recordAsWorker(db, { seq: 1, subscriptions: [fresh, old] });
  expect(await standing(db, acme)).toMatchObject({ plan: "starter", subscription: "sub_old" });
  const paid = { ...fresh, status: "active", client_secret: null };
  await recordAsWorker(db, { seq: 2, subscriptions: [old, paid] });
  expect(await standing(db, acme)).toMatchObject({ plan: "pro", subscription: "sub_new" });
  await recordAsWorker(db, { seq: 3, subscriptions: [{ ...old, status: "canceled" }, paid] });
  expect(await standing(db, acme)).toMatchObject({ plan: "pro", access: "full" });
});

test("of two made in the same second always the same one decides", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const one = subscription({ id: "sub_a", lookup_keys: ["starter_month"] });
  const other = subscription({ id: "sub_b" });
  await recordAsWorker(db, { seq: 1, subscriptions: [one, other] });
  const first = await standing(db, acme);
  await recordAsWorker(db, { seq: 2, subscriptions: [] });
  await db.query("delete from app_private.stripe_subscriptions");
  await recordAsWorker(db, { seq: 3, subscriptions: [other, one] });
  expect(await standing(db, acme)).toEqual(first);
});

test("a price that is none of ours keeps the plan; everything else is still synced", async ({
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

test("an add-on beside the plan does not hide it, in whatever order", async ({ db }) => {
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

test("one tenant's customer changes nothing of its neighbour", async ({ db }) => {
  const { acme, globex } = await createCast(db);
  await tieCustomer(db, acme);
  await tieCustomer(db, globex, "cus_globex");
  const before = await standing(db, globex);
  await recordAsWorker(db, { seq: NOW, subscriptions: [subscription()] });
  await recordAsWorker(db, { seq: NOW + 1, isDeleted: true });
  expect(await standing(db, globex)).toEqual(before);
});
