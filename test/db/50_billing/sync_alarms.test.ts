import type pg from "pg";

import { EPOCH, recordAsWorker, subscription, tieCustomer } from "../../support/billing.ts";
import { createCast, expect, test } from "../../support/index.ts";
import { rowsOf } from "../../support/query.ts";

function alarms(db: pg.Client): Promise<Record<string, unknown>[]> {
  return rowsOf(
    db,
    `select kind, subject, details - 'tenant_id' - 'since' as details, times
    from app_private.alarms where resolved_at is null order by kind, subject`,
  );
}

test("an ordinary customer raises no alarm", async ({ db }) => {
  const { acme } = await createCast(db);
  await tieCustomer(db, acme);
  const ended = subscription({ id: "sub_0", status: "canceled", lookup_keys: ["gone_month"] });
  const next = subscription({ id: "sub_2", status: "incomplete" });
  await recordAsWorker(db, {
    seq: 1,
    claimed_tenant_id: acme,
    subscriptions: [ended, subscription({ claimed_tenant_id: acme }), next],
  });
  expect(await alarms(db)).toEqual([]);
});

test("S25, S26, S33, S41: each matter is one alarm, counted while it lasts, resolved when it has mended", async ({
  db,
}) => {
  const { acme, globex } = await createCast(db);
  await tieCustomer(db, acme);
  const odd = {
    claimed_tenant_id: globex,
    subscriptions: [
      subscription({ lookup_keys: ["gold_month"] }),
      subscription({ id: "sub_2", status: "future_status", created: EPOCH + 1 }),
      subscription({ id: "sub_3", status: "past_due", claimed_tenant_id: globex }),
    ],
  };
  await recordAsWorker(db, { seq: 1, ...odd });
  const matters = [
    {
      kind: "duplicate_subscription",
      subject: acme,
      details: { subscriptions: ["sub_1", "sub_2", "sub_3"] },
    },
    { kind: "tenant_mismatch", subject: "cus_acme", details: { claimed_tenant_id: globex } },
    { kind: "tenant_mismatch", subject: "sub_3", details: { claimed_tenant_id: globex } },
    { kind: "unknown_price", subject: "sub_1", details: { prices: ["price_gold_month"] } },
    { kind: "unknown_status", subject: "sub_2", details: { status: "future_status" } },
  ];
  expect(await alarms(db)).toEqual(matters.map((matter) => ({ ...matter, times: 1 })));
  await recordAsWorker(db, { seq: 2, ...odd });
  expect(await alarms(db)).toEqual(matters.map((matter) => ({ ...matter, times: 2 })));

  await tieCustomer(db, globex, "cus_globex");
  await recordAsWorker(db, { customer: "cus_globex", seq: 3, subscriptions: [] });
  expect(await alarms(db)).toHaveLength(matters.length);
  await recordAsWorker(db, { seq: 4, subscriptions: [subscription()] });
  expect(await alarms(db)).toEqual([]);
});

test("S39: what was odd about a customer is no matter once it is deleted", async ({ db }) => {
  const { acme, globex } = await createCast(db);
  await tieCustomer(db, acme);
  await recordAsWorker(db, {
    seq: 1,
    claimed_tenant_id: globex,
    subscriptions: [subscription({ lookup_keys: ["gold_month"] })],
  });
  expect(await alarms(db)).toHaveLength(2);
  await recordAsWorker(db, { seq: 2, isDeleted: true });
  expect(await alarms(db)).toEqual([]);
});
