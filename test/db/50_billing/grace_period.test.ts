import type pg from "pg";

import {
  bookedEnds,
  DAY,
  earlier,
  recordAsWorker,
  standing,
  subscription,
  tieCustomer,
} from "../../support/billing.ts";
import { asWorker, createCast, expect, test } from "../../support/index.ts";

const NOW = Math.floor(Date.now() / 1000);
const seconds = (at: number) => new Date(at * 1000);
const overdue = (since: number | null) =>
  subscription({ status: "past_due", past_due_since: since, client_secret: "secret" });

async function endGracePeriod(db: pg.Client, tenantId: string): Promise<void> {
  await asWorker(db, () => db.query("select app_private.end_grace_period($1)", [tenantId]));
}

test("starts with the unpaid invoice, keeps full access, and books its own end", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [overdue(NOW - DAY)] });
  const endsAt = seconds(NOW + 13 * DAY);
  expect(await standing(db, acme)).toMatchObject({
    status: "past_due",
    access: "full",
    access_reason: "payment_failed",
    grace_ends_at: endsAt,
    client_secret: "secret",
  });
  expect(await bookedEnds(db)).toEqual([{ run_at: endsAt, key: `end_grace_period:${acme}` }]);
});

test("does not move over repeated syncs, nor by a longer period configured meanwhile", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  for (const [seq, graceDays] of [14, 14, 30, 1].entries()) {
    await recordAsWorker(db, { seq: seq + 1, subscriptions: [overdue(NOW - DAY)], graceDays });
    expect(await standing(db, acme)).toMatchObject({ grace_ends_at: seconds(NOW + 13 * DAY) });
  }
  expect(await bookedEnds(db)).toHaveLength(1);
});

test("does not move either when Stripe shows no open invoice", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [overdue(null)] });
  await earlier(db, "3 days");
  const before = await standing(db, acme);
  await recordAsWorker(db, { seq: 2, subscriptions: [overdue(null)] });
  expect(await standing(db, acme)).toEqual(before);
});

test("is over by payment: access stays, the booking is gone", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [overdue(NOW - DAY)] });
  await recordAsWorker(db, { seq: 2, subscriptions: [subscription()] });
  expect(await standing(db, acme)).toMatchObject({ status: "active", grace_ends_at: null });
  expect(await bookedEnds(db)).toEqual([]);
});

test("begins anew with a new debt, also when the payment in between was never seen", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [overdue(NOW - 40 * DAY)] });
  expect(await standing(db, acme)).toMatchObject({ status: "suspended", access: "none" });
  await recordAsWorker(db, { seq: 2, subscriptions: [overdue(NOW - DAY)] });
  const endsAt = seconds(NOW + 13 * DAY);
  expect(await standing(db, acme)).toMatchObject({ access: "full", grace_ends_at: endsAt });
  expect(await bookedEnds(db)).toMatchObject([{ run_at: endsAt }]);
});

test("ends in suspension, and its end comes too early in vain", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [overdue(NOW - DAY)] });
  const before = await standing(db, acme);
  await endGracePeriod(db, acme);
  expect(await standing(db, acme)).toEqual(before);

  await recordAsWorker(db, { seq: 2, subscriptions: [overdue(NOW - 15 * DAY)] });
  const suspended = { status: "suspended", access: "none", access_reason: "grace_ended" };
  expect(await standing(db, acme)).toMatchObject(suspended);
  await endGracePeriod(db, acme);
  expect(await standing(db, acme)).toMatchObject({ ...suspended, client_secret: "secret" });
});

test("that has ended is not begun again by a repeated sync; payment gives everything back", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  for (const seq of [1, 2]) {
    await recordAsWorker(db, { seq, subscriptions: [overdue(NOW - 15 * DAY)] });
    expect(await standing(db, acme)).toMatchObject({ access_reason: "grace_ended" });
  }
  await recordAsWorker(db, { seq: 3, subscriptions: [subscription()] });
  expect(await standing(db, acme)).toMatchObject({ status: "active", access: "full" });
  await endGracePeriod(db, acme);
  expect(await standing(db, acme)).toMatchObject({ status: "active", access: "full" });
});

test("of no days suspends at once", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [overdue(NOW)], graceDays: 0 });
  expect(await standing(db, acme)).toMatchObject({ status: "suspended", access: "none" });
});

test("of an old subscription is no matter while a new one is paid", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const old = { ...overdue(NOW - 30 * DAY), id: "sub_0", created: NOW - 300 * DAY };
  const paid = subscription({ created: NOW - DAY });
  await recordAsWorker(db, { seq: 1, subscriptions: [old, paid] });
  expect(await standing(db, acme)).toMatchObject({
    status: "active",
    subscription: "sub_1",
    grace_ends_at: null,
  });
  expect(await bookedEnds(db)).toEqual([]);
});
