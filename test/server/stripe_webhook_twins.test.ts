/** Snapshot events and their thin twins, in any order, over HTTP. */
import fc from "fast-check";

import { expect } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { test } from "../support/quiet_system.ts";
import { makeEvent, sendWebhook, signHeader } from "../support/webhooks.ts";

const json = (value: unknown) => JSON.stringify(value);

type Snapshot = ReturnType<typeof makeEvent>;

/** The thin event that tells of the same. */
function thinTwin(snapshot: Snapshot) {
  return {
    id: snapshot.id.replace("evt_", "evt_test_"),
    object: "v2.core.event",
    type: `v1.${String(snapshot["type"])}`,
    created: new Date().toISOString(),
    livemode: snapshot["livemode"],
    snapshot_event: snapshot.id,
    related_object: { id: "in_1", type: "invoice", url: "/v1/invoices/in_1" },
  };
}

const KEPT = `
  select id, type, status, object_type, object_id, customer_id, (
    select count(*)::integer
    from graphile_worker._private_jobs as jobs
    where jobs.key = 'stripe_event:' || events.id
  ) as jobs
  from app_private.stripe_events as events
  where id = any ($1)
  order by id`;

test.for([
  { first: "snapshot", customer_id: "cus_nobody" },
  { first: "thin", customer_id: null },
] as const)(
  "S3: the two events of one change are one row and one job; the $first one came first",
  async ({ first, customer_id }, { system, admin }) => {
    const snapshot = makeEvent();
    const both = [snapshot, thinTwin(snapshot)];
    const said: unknown[] = [];
    for (const event of first === "thin" ? both.toReversed() : both) {
      said.push((await sendWebhook(system, json(event))).body);
    }
    expect(said).toMatchObject([{ status: "pending" }, { status: "duplicate" }]);
    expect(await rowsOf(admin, KEPT, [both.map(({ id }) => id)])).toEqual([
      {
        id: snapshot.id,
        type: "invoice.paid",
        status: "pending",
        object_type: "invoice",
        object_id: "in_1",
        customer_id,
        jobs: 1,
      },
    ]);
  },
);

test("a thin event is known by its own id when it has no twin", async ({ system, admin }) => {
  const { snapshot_event: _, ...thin } = thinTwin(makeEvent());
  expect((await sendWebhook(system, json(thin))).body).toMatchObject({ status: "pending" });
  expect(await rowsOf(admin, KEPT, [[thin.id]])).toMatchObject([{ id: thin.id, jobs: 1 }]);
});

test("S60: a thin event of another account is kept and left alone", async ({ system, admin }) => {
  const thin = { ...thinTwin(makeEvent()), context: "acct_connected" };
  expect((await sendWebhook(system, json(thin))).body).toMatchObject({ status: "foreign" });
  expect(await rowsOf(admin, KEPT, [[thin.snapshot_event]])).toMatchObject([
    { status: "foreign", jobs: 0 },
  ]);
});

test("any deliveries, good, bad, doubled, twins, at once or not, leave one row a key and one job a pending row", async ({
  system,
  admin,
}) => {
  const delivery = fc.record({
    event: fc.nat({ max: 3 }),
    form: fc.constantFrom("snapshot", "thin"),
    fate: fc.constantFrom("good", "good", "good", "forged", "cut"),
  });
  const types = fc.tuple(
    ...Array.from({ length: 4 }, () =>
      fc.record({
        type: fc.constantFrom("invoice.paid", "product.created", "a.type.to.come"),
        livemode: fc.boolean(),
      }),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      types,
      fc.array(fc.array(delivery, { minLength: 1, maxLength: 4 }), { maxLength: 4 }),
      async (kinds, bursts) => {
        const snapshots = kinds.map((kind) => makeEvent(kind));
        const taken = new Set<string>();
        for (const burst of bursts) {
          const answers = burst.map(async ({ event, form, fate }) => {
            const snapshot = snapshots[event] ?? makeEvent();
            const payload = json(form === "thin" ? thinTwin(snapshot) : snapshot);
            const signature = signHeader(
              payload,
              fate === "forged" ? "whsec_other" : system.webhookSecret,
            );
            const sent = fate === "cut" ? payload.slice(0, -1) : payload;
            const { status } = await sendWebhook(system, sent, { signature });
            expect(status).toBe(fate === "good" ? 200 : 400);
            if (fate === "good") taken.add(snapshot.id);
          });
          await Promise.all(answers);
        }
        const ids = snapshots.flatMap(({ id }) => [id, id.replace("evt_", "evt_test_")]);
        const rows = await rowsOf<{ id: string; type: string; status: string; jobs: number }>(
          admin,
          KEPT,
          [ids],
        );
        const expected = snapshots.filter(({ id }) => taken.has(id)).map(expectedRow);
        expect(rows.map(({ id, status, jobs }) => ({ id, status, jobs }))).toEqual(
          expected.toSorted((one, other) => (one.id < other.id ? -1 : 1)),
        );
      },
    ),
    { numRuns: 30 },
  );
});

function expectedRow({ id, type, livemode }: Snapshot) {
  const status =
    livemode === true ? "ignored_mode" : type === "a.type.to.come" ? "ignored" : "pending";
  return { id, status, jobs: status === "pending" ? 1 : 0 };
}
