import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { asWorker, expect, test } from "../../support/index.ts";
import { bookedJobs, keptEvents, openAlarms, receive } from "../../support/inbox.ts";
import { rowsOf } from "../../support/query.ts";

const DOCS = fileURLToPath(new URL("../../../docs/stripe_events.md", import.meta.url));

function under(prefix: string, names: string): string[] {
  return names.split(" ").map((name) => `${prefix}.${name}`);
}

/** Those that say something of what a customer has bought, owes or may use. */
const CUSTOMER = [
  ...under("customer", "updated deleted"),
  ...under("customer.subscription", "created updated deleted paused resumed trial_will_end"),
  ...under("customer.subscription", "pending_update_applied pending_update_expired"),
  ...under("customer.subscription", "active trialing past_due unpaid incomplete"),
  ...under("customer.subscription", "incomplete_expired cancel_at_changed"),
  ...under("customer.subscription", "item_price_changed item_quantity_changed"),
  ...under("subscription_schedule", "updated released canceled completed aborted"),
  ...under("invoice", "paid payment_succeeded payment_failed payment_action_required"),
  ...under("invoice", "payment_attempt_required finalized finalization_failed voided"),
  ...under("invoice", "marked_uncollectible overdue updated upcoming"),
  ...under("checkout.session", "completed async_payment_succeeded async_payment_failed expired"),
  ...under("entitlements.active_entitlement_summary", "updated"),
  ...under("entitlements.active_entitlement_summary", "entitlement_added entitlement_removed"),
  ...under("payment_method", "attached detached automatically_updated"),
  ...under("setup_intent", "succeeded"),
  ...under("charge", "refunded"),
  ...under("refund", "failed"),
  ...under("charge.dispute", "created updated closed funds_withdrawn funds_reinstated"),
  ...under("radar.early_fraud_warning", "created"),
];
const CATALOG = [
  ...under("product", "created updated deleted"),
  ...under("price", "created updated deleted"),
  ...under("coupon", "created updated deleted"),
  ...under("promotion_code", "created updated"),
];
const OPERATOR = under("billing.meter", "error_report_triggered no_meter_found");

const process = "select * from app_private.process_stripe_event('evt_1')";

test.for(CUSTOMER)("%s books a sync of its customer", async (type, { db }) => {
  expect(await receive(db, { type })).toBe("pending");
  await db.query("delete from graphile_worker._private_jobs");
  expect(await asWorker(db, () => rowsOf(db, process))).toEqual([]);
  expect(await bookedJobs(db)).toEqual([
    {
      task: "stripe_sync_customer",
      payload: { customer_id: "cus_1" },
      key: "stripe_customer:cus_1",
    },
  ]);
  // Not before the sync has been.
  expect(await keptEvents(db)).toMatchObject([{ status: "pending" }]);
});

test.for(CATALOG)("%s books a sync of the catalog", async (type, { db }) => {
  expect(await receive(db, { type, customer: null, objectId: "x_1" })).toBe("pending");
  await db.query("delete from graphile_worker._private_jobs");
  expect(await asWorker(db, () => rowsOf(db, process))).toEqual([]);
  expect(await bookedJobs(db)).toEqual([
    { task: "stripe_sync_catalog", payload: {}, key: "stripe_sync_catalog" },
  ]);
  expect(await keptEvents(db)).toMatchObject([{ status: "processed" }]);
});

test.for(OPERATOR)("S58: %s raises an alarm and books nothing", async (type, { db }) => {
  expect(await receive(db, { type, customer: null, objectId: "mtr_1" })).toBe("pending");
  await db.query("delete from graphile_worker._private_jobs");
  await asWorker(db, () => rowsOf(db, process));
  expect(await bookedJobs(db)).toEqual([]);
  expect(await keptEvents(db)).toMatchObject([{ status: "processed" }]);
  expect(await openAlarms(db)).toEqual([{ kind: "usage_rejected", subject: "mtr_1", times: 1 }]);
});

test("nothing else is acted on", async ({ db }) => {
  const routes = await rowsOf<{ type: string }>(
    db,
    "select type from app_private.stripe_event_routes()",
  );
  expect(routes.map(({ type }) => type).toSorted()).toEqual(
    [...CUSTOMER, ...CATALOG, ...OPERATOR].toSorted(),
  );
});

test("docs/stripe_events.md has the table as it is", async ({ db }) => {
  const routes = await rowsOf<{ type: string; target: string; alarm: string | null }>(
    db,
    "select * from app_private.stripe_event_routes()",
  );
  const rows = [
    ...(await readFile(DOCS, "utf8")).matchAll(/^\| `([a-z_]+(?:\.[a-z_]+)+)` *\| (.*) \|$/gm),
  ];
  expect(
    rows.map(([, type, rest = ""]) => [type, ...rest.split("|").map((cell) => cell.trim())]),
  ).toEqual(routes.map(({ type, target, alarm }) => [type, target, alarm ?? ""]));
});
