import type pg from "pg";

import {
  DAY,
  EPOCH,
  earlier,
  invoice,
  recordAsWorker,
  subscription,
  tieCustomer,
} from "../../support/billing.ts";
import { asWorker, createCast, expect, test, type Cast } from "../../support/index.ts";
import { rowsOf } from "../../support/query.ts";

const NOW = Math.floor(Date.now() / 1000);
const PAST_DUE = subscription({ status: "past_due", past_due_since: NOW - DAY });
const RENEWAL = invoice({
  status: "open",
  billing_reason: "subscription_cycle",
  amount_paid: 0,
  amount_remaining: 4900,
  finalized_at: NOW - DAY,
  paid_at: null,
});

const booked = (db: pg.Client) =>
  rowsOf<{ kind: string; about: string; occasion: string }>(
    db,
    "select kind, about, occasion from app_private.billing_mails order by booked_at, id",
  );

const jobs = (db: pg.Client) =>
  rowsOf<{ run_at: Date }>(
    db,
    "select run_at from graphile_worker._private_jobs where key like 'billing_mail:%'",
  );

/** What would be sent now, of everything that is booked. */
async function due(db: pg.Client, tenantId: string): Promise<unknown[]> {
  return asWorker(db, () =>
    rowsOf(
      db,
      `select open.kind
      from app_private.billing_mails as mails
      cross join lateral app_private.open_billing_mail(mails.tenant_id, mails.id) as open
      where mails.tenant_id = $1
      order by mails.booked_at, mails.id`,
      [tenantId],
    ),
  ).then((rows) => rows.map(({ kind }) => kind));
}

async function acme(db: pg.Client): Promise<Cast> {
  const cast = await createCast(db);
  await tieCustomer(db, cast.acme);
  return cast;
}

test("S2: a payment that failed is told once for each attempt, however often it is synced", async ({
  db,
}) => {
  await acme(db);
  const attempts = [1, 1, 2, 2, 1];
  for (const [index, attempt_count] of attempts.entries()) {
    await recordAsWorker(db, {
      seq: index + 1,
      subscriptions: [PAST_DUE],
      invoices: [{ ...RENEWAL, attempt_count }],
    });
  }
  expect(await booked(db)).toEqual([
    { kind: "payment_failed", about: "in_1", occasion: "1" },
    { kind: "payment_failed", about: "in_1", occasion: "2" },
  ]);
  expect(await jobs(db)).toHaveLength(2);
});

test("the first payment, made by somebody who is looking, is not told to have failed", async ({
  db,
}) => {
  await acme(db);
  const first = { ...RENEWAL, billing_reason: "subscription_create" };
  await recordAsWorker(db, { seq: 1, subscriptions: [PAST_DUE], invoices: [first] });
  await recordAsWorker(db, {
    seq: 2,
    subscriptions: [subscription({ status: "incomplete" })],
    invoices: [first],
  });
  expect(await booked(db)).toEqual([]);
});

test("a payment that a bank takes days to make has not failed until the subscription is past due", async ({
  db,
}) => {
  await acme(db);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription()], invoices: [RENEWAL] });
  expect(await booked(db)).toEqual([]);
  await recordAsWorker(db, { seq: 2, subscriptions: [PAST_DUE], invoices: [RENEWAL] });
  expect(await booked(db)).toHaveLength(1);
});

test("a failed payment is not told any more once it is paid, tried again, void, or the tenant suspended", async ({
  db,
}) => {
  const { acme: tenantId } = await acme(db);
  await recordAsWorker(db, { seq: 1, subscriptions: [PAST_DUE], invoices: [RENEWAL] });
  const outcomes: unknown[] = [];
  for (const [index, change] of [
    {},
    { attempt_count: 2 },
    { status: "paid", amount_remaining: 0 },
    { status: "void" },
  ].entries()) {
    await db.query("savepoint change");
    await recordAsWorker(db, {
      seq: index + 2,
      subscriptions: [PAST_DUE],
      invoices: [{ ...RENEWAL, ...change }],
    });
    outcomes.push(await due(db, tenantId));
    await db.query("rollback to savepoint change");
  }
  expect(outcomes).toEqual([["payment_failed"], ["payment_failed"], [], []]);

  await earlier(db, "20 days");
  await recordAsWorker(db, {
    seq: 9,
    subscriptions: [{ ...PAST_DUE, past_due_since: NOW - 21 * DAY }],
    invoices: [RENEWAL],
  });
  expect(await due(db, tenantId)).toEqual(["suspended"]);
  expect(
    await rowsOf(db, "select from app_private.billing_mails where status = 'stale'"),
  ).toHaveLength(1);
});

test("S35: a trial's invoice over nothing is no payment, and no mail", async ({ db }) => {
  await acme(db);
  await recordAsWorker(db, {
    seq: 1,
    subscriptions: [subscription({ status: "trialing" })],
    invoices: [invoice({ amount_due: 0, amount_paid: 0, attempt_count: 0 })],
  });
  expect(await booked(db)).toEqual([]);
});

const trial = (ends: number, change = {}) =>
  subscription({ status: "trialing", trial_end: ends, ...change });

test("a trial's end is told three days before, once, also when no event ever comes", async ({
  db,
}) => {
  const { acme: tenantId } = await acme(db);
  const ends = NOW + 10 * DAY;
  for (const seq of [1, 2]) {
    await recordAsWorker(db, { seq, subscriptions: [trial(ends, { created: EPOCH + seq })] });
  }
  expect(await booked(db)).toEqual([
    { kind: "trial_will_end", about: "sub_1", occasion: `${ends}.000000` },
  ]);
  expect(await jobs(db)).toEqual([{ run_at: new Date((NOW + 7 * DAY) * 1000) }]);
  expect(await due(db, tenantId)).toEqual(["trial_will_end"]);
});

test("a trial that is prolonged is told of by its new end alone", async ({ db }) => {
  const { acme: tenantId } = await acme(db);
  await recordAsWorker(db, { seq: 1, subscriptions: [trial(NOW + 2 * DAY)] });
  await recordAsWorker(db, { seq: 2, subscriptions: [trial(NOW + 9 * DAY)] });
  expect(await booked(db)).toHaveLength(2);
  expect(await due(db, tenantId)).toEqual(["trial_will_end"]);
});

test("S36: a trial that is ended early, or cancelled, is not told to end", async ({ db }) => {
  const { acme: tenantId } = await acme(db);
  await recordAsWorker(db, { seq: 1, subscriptions: [trial(NOW + 10 * DAY)] });
  await db.query("savepoint trial");
  await recordAsWorker(db, {
    seq: 2,
    subscriptions: [subscription({ trial_end: NOW - 1 })],
  });
  expect(await booked(db)).toHaveLength(1);
  expect(await due(db, tenantId)).toEqual([]);

  await db.query("rollback to savepoint trial");
  await recordAsWorker(db, {
    seq: 2,
    subscriptions: [trial(NOW + 10 * DAY, { cancel_at: NOW + 10 * DAY })],
  });
  expect(await due(db, tenantId)).toEqual([]);
});

test("a tenant is told when it is suspended and when it is back, each time, and only the last counts", async ({
  db,
}) => {
  const { acme: tenantId } = await acme(db);
  const ended = subscription({ status: "canceled" });
  const history = [subscription(), ended, ended, subscription(), subscription(), ended];
  for (const [index, state] of history.entries()) {
    await recordAsWorker(db, { seq: index + 1, subscriptions: [state] });
  }
  expect((await booked(db)).map(({ kind, about }) => [kind, about])).toEqual([
    ["suspended", tenantId],
    ["reactivated", tenantId],
    ["suspended", tenantId],
  ]);
  expect(await due(db, tenantId)).toEqual(["suspended"]);
  await db.query("update app_public.tenants set status = 'closed'");
  expect(await due(db, tenantId)).toEqual([]);
});

test("who never had access is not told that it is gone", async ({ db }) => {
  await acme(db);
  for (const [seq, status] of ["incomplete", "incomplete_expired", "canceled"].entries()) {
    await recordAsWorker(db, { seq: seq + 1, subscriptions: [subscription({ status })] });
  }
  expect(await booked(db)).toEqual([]);
});

test("who never had access is not told that it is back, whatever came before the first payment", async ({
  db,
}) => {
  await acme(db);
  const states = ["incomplete", "canceled", "unpaid", "paused", "a_new_one", "active"];
  for (const [seq, status] of states.entries()) {
    await recordAsWorker(db, { seq: seq + 1, subscriptions: [subscription({ status })] });
  }
  expect(await booked(db)).toEqual([]);
});

test("who was told that access is gone is told that it is back, also after another first payment", async ({
  db,
}) => {
  const { acme: tenantId } = await acme(db);
  const ended = subscription({ status: "canceled" });
  const next = (status: string) => subscription({ id: "sub_2", status, created: EPOCH + DAY });
  const history = [
    [subscription()],
    [ended],
    [ended, next("incomplete")],
    [ended, next("incomplete_expired")],
    [ended, next("active")],
    [ended, next("past_due")],
    [ended, next("active")],
  ];
  for (const [seq, subscriptions] of history.entries()) {
    await recordAsWorker(db, { seq: seq + 1, subscriptions });
  }
  expect((await booked(db)).map(({ kind }) => kind)).toEqual(["suspended", "reactivated"]);
  expect(await due(db, tenantId)).toEqual(["reactivated"]);
});

test("mails go to those who may manage the billing, of this tenant and now", async ({ db }) => {
  const { acme: tenantId, alice, bob } = await acme(db);
  await recordAsWorker(db, { seq: 1, subscriptions: [PAST_DUE], invoices: [RENEWAL] });
  const recipients = () =>
    asWorker(db, () =>
      rowsOf(db, "select user_id from app_private.billing_recipients($1) order by email", [
        tenantId,
      ]),
    );
  expect(await recipients()).toEqual([{ user_id: alice }]);
  await db.query("update app_public.memberships set role = 'owner' where user_id = $1", [bob]);
  await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [alice]);
  expect(await recipients()).toEqual([{ user_id: bob }]);
});
