/** Which of a tenant's subscriptions decides how it stands, and for how long. */
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

const NOW = Math.floor(Date.now() / 1000);
const seconds = (at: number) => new Date(at * 1000);

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

test("S32: the best of several subscriptions decides; an old one that ends takes nothing away", async ({
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

test("S33: of two made in the same second always the same one decides", async ({ db }) => {
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

test("S29: an unpaid subscription gives nothing, though its period has not ended", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription()] });
  const unpaid = subscription({ status: "unpaid", current_period_end: NOW + 300 * DAY });
  await recordAsWorker(db, { seq: 2, subscriptions: [unpaid] });
  expect(await standing(db, acme)).toMatchObject({
    status: "suspended",
    access: "none",
    access_reason: "unpaid",
    current_period_end: seconds(NOW + 300 * DAY),
    access_until: null,
  });
});

test("S33: of two that are paid the larger plan counts, and one in its grace period last", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const large = subscription({ id: "sub_a", lookup_keys: ["enterprise_month"], created: EPOCH });
  const small = subscription({ id: "sub_b", lookup_keys: ["starter_month"], created: EPOCH + 1 });
  await recordAsWorker(db, { seq: 1, subscriptions: [large, small] });
  expect(await standing(db, acme)).toMatchObject({ plan: "enterprise", subscription: "sub_a" });
  const overdue = { ...large, status: "past_due", past_due_since: NOW - DAY };
  await recordAsWorker(db, { seq: 2, subscriptions: [overdue, small] });
  expect(await standing(db, acme)).toMatchObject({
    plan: "starter",
    status: "active",
    grace_ends_at: null,
  });
  const ended = { ...large, status: "canceled" };
  const waiting = { ...small, status: "incomplete", client_secret: "secret" };
  await recordAsWorker(db, { seq: 3, subscriptions: [ended, waiting] });
  expect(await standing(db, acme)).toMatchObject({
    status: "incomplete",
    subscription: "sub_b",
    client_secret: "secret",
  });
});

test.for([
  { more: { status: "active" }, less: { status: "paused" }, access: "full" },
  { more: { status: "past_due", past_due_since: NOW }, less: { status: "paused" }, access: "full" },
  { more: { status: "paused" }, less: { status: "unpaid" }, access: "read_only" },
  { more: { status: "active", lookup_keys: ["gold"] }, less: { status: "unpaid" }, access: "full" },
])(
  "S33: $more.status beside a newer and larger one that is $less.status gives $access",
  async ({ more, less, access }, { db }) => {
    const { acme } = await createCast(db);
    await tieCustomer(db, acme);
    const subscriptions = [
      subscription({ id: "sub_more", lookup_keys: ["starter_month"], ...more }),
      subscription({ id: "sub_less", lookup_keys: ["pro_month"], created: EPOCH + 1, ...less }),
    ];
    await recordAsWorker(db, { seq: 1, subscriptions });
    expect(await standing(db, acme)).toMatchObject({ access, subscription: "sub_more" });
  },
);
