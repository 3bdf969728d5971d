import type { JobHelpers } from "graphile-worker";
import type pg from "pg";

import { stripePruneEvents } from "../../../tasks/stripe_tend_events.ts";
import { asUser, asWorker, createCast, expect, test } from "../../support/index.ts";
import { codeOf, rowsOf } from "../../support/query.ts";

const STATUSES = ["pending", "reported", "too_old", "in_doubt"];

/** What the worker does each night. */
const prune = (db: pg.Client) =>
  asWorker(db, async () => {
    await stripePruneEvents()({}, { query: db.query.bind(db) } as unknown as JobHelpers);
  });

const kept = async (db: pg.Client) => {
  const rows = await rowsOf<{ status: string }>(db, "select status from app_private.meter_events");
  return rows.map(({ status }) => status).toSorted();
};

test.for([
  { age: "91 days", left: STATUSES.filter((status) => status !== "reported") },
  { age: "89 days", left: STATUSES },
])("of usage settled $age ago, what is $left is kept", async ({ age, left }, { db }) => {
  const { acme } = await createCast(db);
  await db.query(
    `insert into app_private.meter_events
      (tenant_id, identifier, event_name, value, used_at, status, settled_at)
    select $1, status, 'api_calls', 1, now() - $3::interval, status, now() - $3::interval
    from unnest($2::text[]) as status`,
    [acme, STATUSES, age],
  );
  await prune(db);
  expect(await kept(db)).toEqual(left.toSorted());
});

test("a use that is repeated after its report was forgotten is neither counted nor reported again", async ({
  db,
}) => {
  const { alice, acme } = await createCast(db);
  await db.query("update app_public.features set meter_event = 'api_calls' where key = 'apiCalls'");
  const use = () =>
    asUser(db, { userId: alice, tenantId: acme }, () =>
      db.query("select app_public.consume_feature('apiCalls', 3, 'k1')"),
    );
  const used = () => rowsOf(db, "select used from app_private.usage_counters");
  await use();
  const before = await used();
  await db.query(
    "update app_private.meter_events set status = 'reported', settled_at = now() - interval '1 year'",
  );
  await prune(db);
  expect(await kept(db)).toEqual([]);
  await use();
  expect(await used()).toEqual(before);
  expect(await kept(db)).toEqual([]);
});

test("nobody who signs in may forget what was reported", async ({ db }) => {
  const { alice, acme } = await createCast(db);
  for (const sql of [
    "select app_private.prune_meter_events()",
    "delete from app_private.meter_events",
  ]) {
    const attempt = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
    expect(await codeOf(attempt)).toBe("42501");
  }
});
