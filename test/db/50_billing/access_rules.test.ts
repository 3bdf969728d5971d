import type pg from "pg";

import { expect, test } from "../../support/index.ts";
import { rowsOf } from "../../support/query.ts";

const NOW = "2026-11-22T12:00:00Z";
const BEFORE = "2026-11-22T11:59:59Z";
const AFTER = "2026-11-22T12:00:01Z";
const A_DAY_AGO = "2026-11-21T12:00:00Z";
const ALMOST = "2026-11-21T12:00:01Z";

/** What a subscription of ours holds that decides; null where it isn't said. */
type Held = {
  known_status?: string;
  grace_ends_at?: string | null;
  unknown_since?: string;
  pause_reason?: string;
  pause_collection?: string;
  cancellation_reason?: string;
};

function outcome(db: pg.Client, held: Held) {
  return rowsOf(
    db,
    `select outcome.* from app_private.subscription_outcome(
      jsonb_populate_record(null::app_private.stripe_subscriptions, $1), $2
    ) as outcome`,
    [JSON.stringify(held), NOW],
  );
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
  "S26: %s with grace until %s is %s, %s, %s",
  async ([known_status, grace_ends_at, status, access, access_reason], { db }) => {
    const kept_until =
      known_status === "past_due" && grace_ends_at === AFTER ? new Date(AFTER) : null;
    expect(await outcome(db, { known_status, grace_ends_at })).toEqual([
      { status, access, access_reason, kept_until },
    ]);
  },
);

test.for([
  { known: "active", until: "2026-11-22T12:00:01Z", status: "active", access: "full" },
  { known: "trialing", until: "2026-11-22T12:00:01Z", status: "trialing", access: "full" },
  { known: "paused", until: "2026-11-22T12:00:01Z", status: "suspended", access: "read_only" },
  { known: "canceled", until: null, status: "suspended", access: "none" },
  { known: undefined, until: null, status: "suspended", access: "none" },
])(
  "S26: a status unknown keeps what $known granted ($access), for less than a day",
  async ({ known, until, status, access }, { db }) => {
    const held = known === undefined ? {} : { known_status: known };
    expect(await outcome(db, { ...held, unknown_since: ALMOST })).toEqual([
      {
        status,
        access,
        access_reason: "unknown_status",
        kept_until: until === null ? null : new Date(until),
      },
    ]);
    expect(await outcome(db, { ...held, unknown_since: A_DAY_AGO })).toEqual([
      { status: "suspended", access: "none", access_reason: "unknown_status", kept_until: null },
    ]);
  },
);

test("S26: a status unknown keeps no grace period beyond its end", async ({ db }) => {
  const held = { known_status: "past_due", unknown_since: BEFORE };
  expect(await outcome(db, { ...held, grace_ends_at: AFTER })).toEqual([
    {
      status: "past_due",
      access: "full",
      access_reason: "unknown_status",
      kept_until: new Date(AFTER),
    },
  ]);
  expect(await outcome(db, { ...held, grace_ends_at: BEFORE })).toMatchObject([
    { status: "suspended", access: "none" },
  ]);
});

test.for([
  ["pause_requested", "read_only", "paused"],
  ["trial_end_without_payment_method", "read_only", "paused"],
  ["first_payment_failure", "none", "unpaid"],
  ["final_payment_failure", "none", "unpaid"],
  ["system", "none", "unpaid"],
  ["future_reason", "none", "unpaid"],
] as const)(
  "S30: paused by %s is %s, %s",
  async ([pause_reason, access, access_reason], { db }) => {
    expect(await outcome(db, { known_status: "paused", pause_reason })).toMatchObject([
      { status: "suspended", access, access_reason },
    ]);
  },
);

test.for(["keep_as_draft", "mark_uncollectible", "void", "future_behavior"])(
  "S31: while payments are not collected (%s), access stays and says why",
  async (pause_collection, { db }) => {
    expect(await outcome(db, { known_status: "active", pause_collection })).toMatchObject([
      { status: "active", access: "full", access_reason: "collection_paused" },
    ]);
    expect(await outcome(db, { known_status: "unpaid", pause_collection })).toMatchObject([
      { access: "none", access_reason: "unpaid" },
    ]);
  },
);

test.for([
  ["cancellation_requested", "canceled"],
  ["payment_failed", "unpaid"],
  ["payment_disputed", "payment_disputed"],
  ["future_reason", "canceled"],
] as const)(
  "S40: canceled for %s is without access, as %s",
  async ([cancellation_reason, access_reason], { db }) => {
    expect(await outcome(db, { known_status: "canceled", cancellation_reason })).toMatchObject([
      { status: "suspended", access: "none", access_reason },
    ]);
  },
);

test("S26: every subscription has exactly one outcome, and one that a tenant can be", async ({
  db,
}) => {
  const rows = await rowsOf(
    db,
    `select subscriptions.*
    from unnest('{incomplete,incomplete_expired,trialing,active,past_due,unpaid,paused,canceled,x,null}'::text[])
      as statuses (status)
    cross join unnest(array[null, 'infinity', '-infinity', now()]::timestamptz[]) as grace (ends_at)
    cross join unnest(array[null, 'infinity', '-infinity', now()]::timestamptz[]) as unknown (since)
    cross join unnest(array[null, 'x', 'pause_requested', 'payment_failed']) as reasons (reason)
    cross join lateral jsonb_populate_record(
      null::app_private.stripe_subscriptions,
      jsonb_build_object(
        'known_status', statuses.status, 'grace_ends_at', grace.ends_at,
        'unknown_since', unknown.since, 'pause_reason', reasons.reason,
        'pause_collection', reasons.reason, 'cancellation_reason', reasons.reason
      )
    ) as subscriptions
    where (
      select
        count(*) = 1
        and bool_and(outcome.status in ('incomplete', 'trialing', 'active', 'past_due', 'suspended'))
        and bool_and(outcome.access in ('none', 'read_only', 'full'))
        and bool_and(outcome.access <> 'none' or outcome.kept_until is null)
      from app_private.subscription_outcome(subscriptions, now()) as outcome
    ) is not true`,
  );
  expect(rows).toEqual([]);
});
