/**
 * A customer lives at Stripe; events tell of it late, twice, out of order, to workers that crash
 * between reading and writing. Whatever happens, what we hold ends as what Stripe says.
 */
import fc from "fast-check";

import type { SubscriptionTruth } from "../../../tasks/stripe_subscription_truth.ts";
import { DAY, record, standing, subscription, tieCustomer } from "../../support/billing.ts";
import { createCast, expect, test } from "../../support/index.ts";
import { rowsOf, undone } from "../../support/query.ts";

const NOW = Math.floor(Date.now() / 1000);
const STATUSES = [
  "incomplete",
  "incomplete_expired",
  "trialing",
  "active",
  "past_due",
  "unpaid",
  "paused",
  "canceled",
];

const truth = (id: string, created: number): fc.Arbitrary<SubscriptionTruth> =>
  fc
    .record({
      status: fc.constantFrom(...STATUSES),
      lookup_keys: fc
        .constantFrom("starter_month", "pro_month", "enterprise_year")
        .map((key) => [key]),
      overdueDays: fc.integer({ min: 1, max: 30 }),
      cancel_at: fc.constantFrom(null, NOW + 7 * DAY),
    })
    .map(({ overdueDays, ...rest }) =>
      subscription({
        ...rest,
        id,
        created,
        past_due_since: rest.status === "past_due" ? NOW - overdueDays * DAY : null,
        client_secret: rest.status === "incomplete" ? `${id}_secret` : null,
      }),
    );

/** What Stripe would answer at one moment; subscriptions come and end, but never disappear. */
const moment = fc.tuple(truth("sub_1", NOW - 90 * DAY), truth("sub_2", NOW - 60 * DAY));
const life = fc
  .array(moment, { minLength: 1, maxLength: 6 })
  .map((moments) => moments.map(([one, two], n) => (n === 0 ? [one] : [one, two])));

/** After each change at least one fetch is begun; what was fetched is written whenever, or never. */
const fetches = fc.array(
  fc.record({
    /** Of which moment, as a share of the life. */
    at: fc.nat({ max: 5 }),
    /** When it is written, among all. */
    written: fc.double({ min: 0, max: 1, noNaN: true }),
    repeated: fc.boolean(),
    crashes: fc.boolean(),
  }),
  { maxLength: 12 },
);

test("any interleaving and repetition of fetches and writes ends in Stripe's final state", async ({
  db,
}) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const ends = () =>
    rowsOf(db, "select run_at from graphile_worker._private_jobs where key like 'end_grace%'");

  await fc.assert(
    fc.asyncProperty(
      life,
      fetches,
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (moments, some, last) => {
        const final = moments.length - 1;
        // The event of the last change is never lost; its fetch sees the final state.
        const all = [...some, { at: final, written: last, repeated: false, crashes: false }];
        const numbered = all
          .map((fetch) => ({ ...fetch, at: Math.min(fetch.at, final) }))
          .toSorted((a, b) => a.at - b.at)
          .map((fetch, n) => ({ ...fetch, seq: n + 1, subscriptions: moments[fetch.at] ?? [] }));
        const writes = numbered
          .filter(({ crashes }) => !crashes)
          .toSorted((a, b) => a.written - b.written)
          .flatMap((write) => (write.repeated ? [write, write] : [write]));

        const expected = await undone(db, async () => {
          await record(db, { seq: 1, subscriptions: moments[final] ?? [] });
          return [await standing(db, acme), await ends()];
        });
        const actual = await undone(db, async () => {
          for (const write of writes) await record(db, write);
          return [await standing(db, acme), await ends()];
        });
        expect(actual).toEqual(expected);
      },
    ),
    { numRuns: 100 },
  );
});
