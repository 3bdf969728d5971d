import type pg from "pg";

import { recordAsWorker, subscription, tieCustomer } from "../../support/billing.ts";
import { asUser, asWorker, createCast, expect, test } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const SEATS = "select app_private.billed_quantity($1, $2) as quantity";

const booked = (db: pg.Client) =>
  rowsOf(db, "select key from graphile_worker._private_jobs where key like 'stripe_seats:%'");

const billProBySeat = (db: pg.Client) =>
  db.query("update app_public.plan_prices set is_billed_by_seat = true where plan_key = 'pro'");

test("no plan is billed by seat unless the founder says so", async ({ db }) => {
  const { alice, bob, acme } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, { seq: 1, subscriptions: [subscription()] });
  await asUser(db, { userId: alice, tenantId: acme }, () =>
    db.query("select app_public.remove_member($1)", [bob]),
  );
  expect(await booked(db)).toEqual([]);
  expect(await rowsOf(db, "select from app_public.plan_prices where is_billed_by_seat")).toEqual(
    [],
  );
});

test("the quantity is the number of members where the price is by seat, else 1", async ({ db }) => {
  const { acme, globex } = await createCast(db);
  const quantity = (tenantId: string, key: string) =>
    asWorker(db, () => rowOf<{ quantity: number }>(db, SEATS, [tenantId, key]));
  expect(await quantity(acme, "pro_month")).toEqual({ quantity: 1 });
  await billProBySeat(db);
  expect(await quantity(acme, "pro_month")).toEqual({ quantity: 2 });
  expect(await quantity(globex, "pro_year")).toEqual({ quantity: 1 });
  expect(await quantity(acme, "starter_month")).toEqual({ quantity: 1 });
  expect(await quantity(acme, "no_such")).toEqual({ quantity: 1 });
});

test("a person who leaves books a change, for their own tenant alone", async ({ db }) => {
  const { alice, bob, acme } = await createCast(db);
  await billProBySeat(db);
  await db.query("delete from graphile_worker._private_jobs");
  await asUser(db, { userId: alice, tenantId: acme }, () =>
    db.query("select app_public.remove_member($1)", [bob]),
  );
  expect(await booked(db)).toEqual([{ key: `stripe_seats:${acme}` }]);
});

test("a later change does not put off what an earlier one has booked", async ({ db }) => {
  const { alice, bob, acme } = await createCast(db);
  await billProBySeat(db);
  const runAt = "2026-11-01T00:00:00Z";
  await db.query("delete from graphile_worker._private_jobs");
  for (const person of [bob, alice]) {
    await db.query("delete from app_public.memberships where tenant_id = $1 and user_id = $2", [
      acme,
      person,
    ]);
    if (person === bob)
      await db.query("update graphile_worker._private_jobs set run_at = $1", [runAt]);
  }
  const jobs = await rowsOf(db, "select run_at from graphile_worker._private_jobs");
  expect(jobs).toEqual([{ run_at: new Date(runAt) }]);
});

test("a closed tenant's members change nothing at Stripe", async ({ db }) => {
  const { bob, acme } = await createCast(db);
  await billProBySeat(db);
  await db.query("delete from graphile_worker._private_jobs");
  await db.query("update app_public.tenants set status = 'closed' where id = $1", [acme]);
  await db.query("delete from app_public.memberships where user_id = $1", [bob]);
  expect(await booked(db)).toEqual([]);
});

test("a sync that finds the right number books nothing, another number a change", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  await billProBySeat(db);
  await db.query("delete from graphile_worker._private_jobs");
  const [item] = subscription().items;
  if (item === undefined) throw new Error("The subscription has no item");
  for (const [seq, quantity, jobs] of [
    [1, 2, 0],
    [2, 5, 1],
  ] as const) {
    const items = [{ ...item, quantity }];
    await recordAsWorker(db, { seq, subscriptions: [subscription({ items })] });
    expect(await booked(db)).toHaveLength(jobs);
  }
});

test("a call that is repeated keeps its key, unless Stripe answered it with a 5xx", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await billProBySeat(db);
  const begin = () =>
    asWorker(db, () =>
      rowOf<{ generation: number; begun_at: Date }>(
        db,
        "select * from app_private.begin_seat_change($1, 'si_1', 'pro_month', 1, '2026-11-01')",
        [acme],
      ),
    );
  const change = { quantity: 2, proration_behavior: "create_prorations" };
  const first = await begin();
  expect(first).toMatchObject({ ...change, generation: 1, begun_at: expect.any(Date) });
  expect(await begin()).toEqual(first);
  await asWorker(db, () =>
    db.query("select app_private.end_seat_change($1, 'si_1', 1, true)", [acme]),
  );
  const second = await begin();
  expect(second).toMatchObject({ ...change, generation: 2 });
  expect(await begin()).toEqual(second);
  await db.query("update app_private.seat_changes set begun_at = now() - interval '24 hours'");
  expect(await begin()).toMatchObject({ ...change, generation: 3 });
});

test("people are not told another tenant's number of members, nor who pays", async ({ db }) => {
  const { mallory, acme, globex } = await createCast(db);
  const ask = (sql: string, values: unknown[]) =>
    codeOf(asUser(db, { userId: mallory, tenantId: globex }, () => db.query(sql, values)));
  expect(await ask(SEATS, [acme, "pro_month"])).toBe("42501");
  expect(await ask("select app_private.billing_recipients($1)", [acme])).toBe("42501");
});
