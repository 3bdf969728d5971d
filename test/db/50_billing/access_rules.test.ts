import type pg from "pg";

import { expect, test } from "../../support/index.ts";
import { rowsOf } from "../../support/query.ts";

const NOW = "2026-11-22T12:00:00Z";
const BEFORE = "2026-11-22T11:59:59Z";
const AFTER = "2026-11-22T12:00:01Z";

function outcome(db: pg.Client, status: string | null, graceEndsAt: string | null, now = NOW) {
  return rowsOf(db, "select * from app_private.subscription_outcome($1, $2, $3)", [
    status,
    graceEndsAt,
    now,
  ]);
}

test.for([
  ["incomplete", null, "incomplete", "none", "awaiting_payment"],
  ["incomplete_expired", null, "incomplete", "none", "payment_expired"],
  ["trialing", null, "trialing", "full", "trial"],
  ["active", null, "active", "full", "paid"],
  ["active", BEFORE, "active", "full", "paid"],
  ["past_due", AFTER, "past_due", "full", "payment_failed"],
  ["past_due", NOW, "suspended", "none", "grace_ended"],
  ["past_due", BEFORE, "suspended", "none", "grace_ended"],
  ["past_due", null, "suspended", "none", "grace_ended"],
  ["unpaid", AFTER, "suspended", "none", "unpaid"],
  ["paused", AFTER, "suspended", "read_only", "paused"],
  ["canceled", AFTER, "suspended", "none", "canceled"],
] as const)(
  "%s with grace until %s is %s, %s, %s",
  async ([stripeStatus, graceEndsAt, status, access, access_reason], { db }) => {
    expect(await outcome(db, stripeStatus, graceEndsAt)).toEqual([
      { status, access, access_reason },
    ]);
  },
);

test.for(["future_status", "ACTIVE", "", null])(
  "%s, a status unknown, decides nothing",
  async (status, { db }) => {
    expect(await outcome(db, status, AFTER)).toEqual([]);
  },
);

test("every status has exactly one outcome, whatever the grace, and what it says a tenant can be", async ({
  db,
}) => {
  const rows = await rowsOf(
    db,
    `select status, count(outcome.status)::int as outcomes
    from unnest('{incomplete,incomplete_expired,trialing,active,past_due,unpaid,paused,canceled}'::text[])
      as statuses (status)
    cross join unnest(array[null, 'infinity', '-infinity', now()]::timestamptz[]) as grace (ends_at)
    cross join lateral app_private.subscription_outcome(statuses.status, grace.ends_at, now())
      as outcome (status, access, access_reason)
    group by statuses.status, grace.ends_at
    having count(*) <> 1`.replace("select status", "select statuses.status"),
  );
  expect(rows).toEqual([]);
});
