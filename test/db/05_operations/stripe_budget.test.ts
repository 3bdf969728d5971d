import type pg from "pg";

import { asUser, asWorker } from "../../support/acting.ts";
import { createCast, expect, test, withClient } from "../../support/index.ts";
import { rowOf, rowsOf } from "../../support/query.ts";

type Answer = { verdict: string; wait_ms: number };

const SANDBOX = 25;

function ask(
  client: pg.Client,
  endpoint: string,
  { perSecond = SANDBOX, quantityOf = null as string | null, maxWaitMs = 10_000 } = {},
): Promise<Answer> {
  return rowOf<Answer>(client, "select * from app_private.ask_stripe_call($1, $2, $3, $4)", [
    endpoint,
    perSecond,
    quantityOf,
    maxWaitMs,
  ]);
}

/** The most calls of a scope that are booked for any second. */
async function mostInASecond(client: pg.Client, scope: string): Promise<number> {
  const { most } = await rowOf<{ most: number }>(
    client,
    `select max(busy.taken)::integer as most
    from app_private.stripe_call_slots as first
    cross join lateral (
      select sum(slots.taken) as taken
      from app_private.stripe_call_slots as slots
      where slots.scope = first.scope
      and slots.starts_at >= first.starts_at
      and slots.starts_at <= first.starts_at + interval '1 second'
    ) as busy
    where first.scope = $1`,
    [scope],
  );
  return most;
}

test("S61: calls of several workers at once never book more than Stripe allows in any second", async ({
  database,
}) => {
  const { urls } = database;
  await withClient(urls.superuser, async (one) =>
    withClient(urls.superuser, async (two) =>
      withClient(urls.superuser, async (three) => {
        const answers: Answer[] = [];
        const work = async (client: pg.Client, name: string) => {
          for (let nth = 0; nth < 40; nth += 1) answers.push(await ask(client, `GET /v1/${name}`));
        };
        await Promise.all([work(one, "customers"), work(two, "customers"), work(three, "prices")]);
        expect(answers.filter(({ verdict }) => verdict === "go")).toHaveLength(120);
        expect(await mostInASecond(one, "account")).toBeLessThanOrEqual(25);
        // And what is allowed is used: 120 calls in about six seconds.
        expect(Math.max(...answers.map(({ wait_ms: wait }) => wait))).toBeLessThan(6_500);
        await one.query("truncate app_private.stripe_call_slots");
      }),
    ),
  );
});

test("S61: in live mode one endpoint has 25 of the account's hundred a second", async ({ db }) => {
  await asWorker(db, async () => {
    for (let nth = 0; nth < 100; nth += 1) await ask(db, "GET /v1/customers", { perSecond: 100 });
    expect(await mostInASecond(db, "endpoint:GET /v1/customers")).toBeLessThanOrEqual(25);
    // Another endpoint does not wait behind it.
    expect(await ask(db, "GET /v1/prices", { perSecond: 100 })).toMatchObject({ verdict: "go" });
    const { wait_ms: wait } = await ask(db, "GET /v1/prices", { perSecond: 100 });
    expect(wait).toBeLessThan(400);
    expect(await mostInASecond(db, "account")).toBeLessThanOrEqual(100);
  });
});

test("whoever would wait for too long is told so, and books nothing", async ({ db }) => {
  await asWorker(db, async () => {
    for (let nth = 0; nth < 12; nth += 1) await ask(db, "GET /v1/prices");
    const booked = () =>
      rowOf(db, "select sum(taken) as all_of_it from app_private.stripe_call_slots");
    const before = await booked();
    expect(await ask(db, "GET /v1/prices", { maxWaitMs: 0 })).toMatchObject({ verdict: "busy" });
    expect(await booked()).toEqual(before);
  });
});

test("S55: a subscription's quantity is set less than 200 times in any hour", async ({ db }) => {
  await asWorker(db, async () => {
    // An hour touches eleven times six minutes at most: eighteen each. Seventeen are taken, also in
    // the next, if it should begin just now.
    await db.query(
      `insert into app_private.stripe_call_slots
      select 'quantity:sub_1', starts_at, starts_at + interval '6 minutes', 17
      from date_bin('6 minutes', clock_timestamp(), 'epoch') as now_starts,
      lateral unnest(array[now_starts, now_starts + interval '6 minutes']) as starts_at`,
    );
    const setQuantity = (of: string) =>
      ask(db, "POST /v1/subscriptions/:id", { perSecond: 10_000, quantityOf: of });
    expect(await setQuantity("sub_1")).toMatchObject({ verdict: "go" });
    const later = [await setQuantity("sub_1"), await setQuantity("sub_1")];
    const refused = later.filter(({ verdict }) => verdict === "busy");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ wait_ms: wait }) => wait > 0 && wait <= 360_000)).toBe(true);
    expect(await setQuantity("sub_2")).toMatchObject({ verdict: "go" });
  });
});

test("S48: after 429 nothing goes out until Retry-After, then less, then again all", async ({
  db,
}) => {
  await asWorker(db, async () => {
    await db.query("select app_private.slow_stripe_down('GET /v1/prices', false, 9)");
    const { wait_ms: wait } = await ask(db, "GET /v1/prices");
    expect(wait).toBeGreaterThan(4_000);
    // Other endpoints are not concerned.
    expect((await ask(db, "GET /v1/customers")).wait_ms).toBeLessThan(400);
    // An answer longer than anybody waits holds the job back instead.
    await db.query("select app_private.slow_stripe_down('GET /v1/prices', true, 60)");
    expect(await ask(db, "GET /v1/customers")).toMatchObject({ verdict: "busy" });
  });

  await db.query("truncate app_private.stripe_call_slots, app_private.stripe_slowdowns");
  const placesAfter = async (seconds: number, level: number) => {
    await db.query(
      `insert into app_private.stripe_slowdowns
      values ('account', $2, now() - make_interval(secs => $1), now())`,
      [seconds, level],
    );
    for (let nth = 0; nth < 20; nth += 1) await ask(db, "GET /v1/prices", { perSecond: 48 });
    const { places } = await rowOf<{ places: number }>(
      db,
      "select max(taken) as places from app_private.stripe_call_slots where scope = 'account'",
    );
    await db.query("truncate app_private.stripe_call_slots, app_private.stripe_slowdowns");
    return places;
  };
  // Places of the endpoint: four; of the account: eight, four, two, one.
  expect(await placesAfter(0, 2)).toBe(2);
  expect(await placesAfter(0, 3)).toBe(1);
  expect(await placesAfter(25, 3)).toBe(4);
});

test("slots that are over are removed, those to come are kept", async ({ db }) => {
  await asWorker(db, async () => {
    await db.query(
      `insert into app_private.stripe_call_slots
      select 'account', now() + s * interval '1 minute', now() + s * interval '1 minute', 1
      from unnest('{-1,1}'::integer[]) as s`,
    );
    await db.query("select app_private.forget_stripe_calls()");
    expect(
      await rowsOf(db, "select starts_at > now() as coming from app_private.stripe_call_slots"),
    ).toEqual([{ coming: true }]);
  });
});

test("people neither book calls nor pause them", async ({ db }) => {
  const { alice } = await createCast(db);
  for (const sql of [
    "select * from app_private.ask_stripe_call('GET /', 25)",
    "select app_private.slow_stripe_down('GET /', true, 60)",
    "select app_private.pause_stripe(401, 'GET', '/', 'x')",
    "select app_private.resume_stripe('an operator')",
    "select app_private.stripe_is_paused()",
  ]) {
    await expect(asUser(db, { userId: alice }, () => db.query(sql))).rejects.toMatchObject({
      code: "42501",
    });
  }
});
