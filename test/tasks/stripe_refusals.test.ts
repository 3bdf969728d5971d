/** What Stripe says no to, and what becomes of the jobs that asked. */
import { standing } from "../support/billing.ts";
import { test } from "../support/gated_tasks.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import type { Workshop } from "../support/tasks.ts";

async function expectProvisioned(workshop: Workshop, tenantId: string): Promise<void> {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  await withClient(workshop.database.urls.superuser, async (client) => {
    expect(await standing(client, tenantId)).toMatchObject({ status: "incomplete" });
  });
}

function openAlarms({ pool }: Workshop) {
  return rowsOf<{ kind: string; subject: string }>(
    pool,
    "select kind, subject from app_private.alarms where resolved_at is null order by kind",
  );
}

async function tendQueue({ pool }: Workshop): Promise<void> {
  await pool.query("select app_private.alarm_of_failed_jobs()");
}

const RATE_LIMIT = {
  status: 429,
  headers: { "retry-after": "9", "stripe-rate-limited-reason": "endpoint-rate" },
  error: { type: "invalid_request_error", code: "rate_limit", message: "Too many requests" },
};
const LOCK_TIMEOUT = {
  status: 429,
  headers: { "stripe-should-retry": "true" },
  error: { type: "invalid_request_error", code: "lock_timeout", message: "Object is locked" },
};
const KEY_IN_USE = {
  status: 409,
  headers: { "stripe-should-retry": "true" },
  error: { type: "idempotency_error", code: "idempotency_key_in_use", message: "Key in use" },
};

test.for([
  ["409 key in use", KEY_IN_USE],
  ["429 lock_timeout", LOCK_TIMEOUT],
  ["429 rate_limit", RATE_LIMIT],
] as const)(
  "S48: after %s the call is made again under the same key",
  async ([, refusal], { workshop, gated }) => {
    const tenantId = await workshop.found();
    gated.door.refuse = (call) => (call === "POST /v1/customers" ? refusal : undefined);
    await gated.runDue();
    expect(await gated.jobs()).toMatchObject([{ task: "stripe_provision_tenant", attempts: 1 }]);

    gated.door.refuse = () => undefined;
    await gated.makeDue();
    await gated.runDue();
    const keys = gated.door.calls.flatMap(({ call, key }) =>
      call === "POST /v1/customers" ? [key] : [],
    );
    expect(keys.length).toBeGreaterThan(1);
    expect(new Set(keys).size).toBe(1);
    await expectProvisioned(workshop, tenantId);
  },
);

test("S48: of 429 rate_limit all workers hear, and wait as long as Retry-After; of lock_timeout none", async ({
  workshop,
  gated,
}) => {
  const waits = () =>
    rowOf<{ wait_ms: number }>(
      workshop.pool,
      "select * from app_private.ask_stripe_call('POST /v1/customers', 10000)",
    );
  await workshop.found();
  gated.door.refuse = (call) => (call === "POST /v1/customers" ? LOCK_TIMEOUT : undefined);
  await gated.runDue();
  expect((await waits()).wait_ms).toBe(0);

  gated.door.refuse = (call) => (call === "POST /v1/customers" ? RATE_LIMIT : undefined);
  await gated.makeDue();
  await gated.runDue();
  expect((await waits()).wait_ms).toBeGreaterThan(4_000);
});

test("S49: a key that was used for something else fails its job at once, with an alarm and no loop", async ({
  workshop,
  gated,
}) => {
  const once = { idempotencyKey: "rowhouse:once" };
  await workshop.stripe.customers.create({ name: "One" }, once);
  const again = {
    stripe_sync_customer: async () => {
      await gated.stripe.customers.create({ name: "Another" }, once);
    },
  };
  await workshop.pool.query("select app_private.request_customer_sync('cus_1')");
  await gated.runDue(again);
  expect(await gated.jobs()).toMatchObject([{ attempts: 25, max_attempts: 25 }]);
  await tendQueue(workshop);
  expect(await openAlarms(workshop)).toEqual([
    { kind: "job_failed", subject: "stripe_sync_customer" },
    { kind: "stripe_key_mismatch", subject: "stripe_customer:cus_1" },
  ]);

  const calls = gated.door.calls.length;
  await gated.makeDue();
  await gated.runDue(again);
  expect(gated.door.calls).toHaveLength(calls);
});

test("S22: a job that failed its last attempt is kept and listed with an alarm, and converges when it is retried", async ({
  workshop,
  gated,
}) => {
  const { pool, database } = workshop;
  const tenantId = await workshop.found();
  await pool.query("update graphile_worker._private_jobs set attempts = 24");
  await workshop.control("faults", { kind: "429", method: "POST", path: "/v1/customers" });
  await gated.runDue();
  await tendQueue(workshop);
  await withClient(database.urls.migrator, async (operator) => {
    const listed = await rowsOf<{ id: string }>(
      operator,
      "select * from app_private.list_jobs('failed')",
    );
    expect(listed).toMatchObject([
      { task: "stripe_provision_tenant", attempts: 25, payload: { tenant_id: tenantId } },
    ]);
    expect(await openAlarms(workshop)).toEqual([
      { kind: "job_failed", subject: "stripe_provision_tenant" },
    ]);
    // By itself it is never taken again.
    await gated.makeDue();
    await gated.runDue();
    expect(await gated.jobs()).toHaveLength(1);

    await operator.query("select app_private.retry_job($1)", [listed[0]?.id]);
  });
  await gated.makeDue();
  await gated.runDue();
  await expectProvisioned(workshop, tenantId);
  await tendQueue(workshop);
  expect(await openAlarms(workshop)).toEqual([]);
});
