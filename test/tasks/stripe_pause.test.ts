/** A key that Stripe refuses: a real worker, an emulator behind a door that is shut. */
import { pino } from "pino";

import { startWorker } from "../../tasks/worker.ts";
import { test, type GatedTasks } from "../support/gated_tasks.ts";
import { expect, waitUntil } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { NO_PERMISSION, UNKNOWN_KEY } from "../support/stripe_door.ts";
import type { Workshop } from "../support/tasks.ts";

async function withWorker(
  { database }: Workshop,
  { door }: GatedTasks,
  secretKey: string,
  use: () => Promise<void>,
): Promise<void> {
  const worker = await startWorker(
    {
      databaseUrl: database.urls.worker,
      stripe: {
        secretKey,
        livemode: false,
        apiBase: new URL(door.url),
        configuredPrices: {},
        callsPerSecond: 10_000,
      },
      gracePeriodDays: 14,
      webhookUrl: "https://app.example.com/webhooks/stripe",
      isProduction: false,
      mail: {
        from: { name: "Rowhouse", address: "rowhouse@example.com" },
        destination: { outboxDirectory: "/nowhere" },
      },
      appUrl: "https://app.example.com",
      logLevel: "silent",
    },
    pino({ level: "silent" }),
  );
  try {
    await use();
  } finally {
    await worker.close();
  }
}

async function isPaused({ pool }: Workshop): Promise<boolean> {
  const { paused } = await rowOf<{ paused: boolean }>(
    pool,
    "select app_private.stripe_is_paused() as paused",
  );
  return paused;
}

function bookMailLikeJob({ pool }: Workshop, tenantId: string) {
  return pool.query(
    "select graphile_worker.add_job('end_grace_period', json_build_object('tenant_id', $1::text))",
    [tenantId],
  );
}

async function tasksLeft(gated: GatedTasks): Promise<string[]> {
  return (await gated.jobs()).map(({ task }) => task);
}

async function expectOneCustomer(workshop: Workshop, tenantId: string): Promise<void> {
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  expect([customers.length, subscriptions.length]).toEqual([1, 1]);
}

test.for([
  ["a key that lacks one permission (403)", NO_PERMISSION],
  ["a key that Stripe does not know (401)", UNKNOWN_KEY],
] as const)(
  "S62: %s pauses all Stripe work with an alarm; nothing is lost; a probe resumes it",
  async ([, refusal], { workshop, gated }) => {
    const { pool } = workshop;
    const { door } = gated;
    let isShut = true;
    door.refuse = (call) =>
      isShut && (refusal.status === 401 || call === "POST /v1/customers") ? refusal : undefined;
    const tenantId = await workshop.found();

    await withWorker(workshop, gated, "sk_test_tasks", async () => {
      await waitUntil(() => isPaused(workshop));
      expect(
        await rowsOf(
          pool,
          "select kind, details ->> 'status' as status from app_private.alarms where resolved_at is null",
        ),
      ).toEqual([{ kind: "stripe_paused", status: String(refusal.status) }]);

      // While it lasts: no calls for other tenants either, and what needs no Stripe goes on.
      const other = await workshop.found();
      const refused = door.calls.length;
      await bookMailLikeJob(workshop, tenantId);
      await waitUntil(async () => !(await tasksLeft(gated)).includes("end_grace_period"));
      await waitUntil(async () => (await gated.jobs()).every(({ last_error: e }) => e !== null));
      expect(await gated.jobs()).toMatchObject([
        { task: "stripe_provision_tenant", attempts: 0 },
        { task: "stripe_provision_tenant", attempts: 0 },
      ]);
      expect(door.calls).toHaveLength(refused);

      // A probe that is refused like the job was changes nothing.
      await pool.query("update app_private.stripe_pauses set next_probe_at = now()");
      await waitUntil(() => door.calls.length > refused);
      expect(await isPaused(workshop)).toBe(true);

      isShut = false;
      await pool.query("update app_private.stripe_pauses set next_probe_at = now()");
      await waitUntil(async () => (await tasksLeft(gated)).length === 0, { deadlineMs: 10_000 });
      await expectOneCustomer(workshop, tenantId);
      await expectOneCustomer(workshop, other);
      expect(
        await rowsOf(pool, "select from app_private.alarms where resolved_at is null"),
      ).toEqual([]);
    });
  },
);

test("S62: a worker that starts with a new key goes on at once, with the old one it waits", async ({
  workshop,
  gated,
}) => {
  gated.door.refuse = () => UNKNOWN_KEY;
  const tenantId = await workshop.found();
  await withWorker(workshop, gated, "sk_test_old", async () => {
    await waitUntil(() => isPaused(workshop));
  });
  await withWorker(workshop, gated, "sk_test_old", async () => {
    expect(await isPaused(workshop)).toBe(true);
  });
  gated.door.refuse = () => undefined;
  await withWorker(workshop, gated, "sk_test_new", async () => {
    await waitUntil(async () => (await tasksLeft(gated)).length === 0, { deadlineMs: 10_000 });
  });
  await expectOneCustomer(workshop, tenantId);
});

test("a probe of a refused write writes nothing", async ({ workshop, gated }) => {
  gated.door.refuse = (call) => (call === "POST /v1/customers" ? NO_PERMISSION : undefined);
  await workshop.found();
  await gated.runDue();
  expect(await isPaused(workshop)).toBe(true);
  await workshop.pool.query("delete from graphile_worker._private_jobs");
  const customers = () => workshop.stripe.customers.list({ limit: 100 });
  const before = (await customers()).data.length;

  gated.door.refuse = () => undefined;
  await workshop.pool.query("update app_private.stripe_pauses set next_probe_at = now()");
  await withWorker(workshop, gated, "sk_test_tasks", async () => {
    await waitUntil(async () => !(await isPaused(workshop)));
  });
  expect(gated.door.calls.at(-1)).toMatchObject({ call: "POST /v1/customers", refused: false });
  expect((await customers()).data).toHaveLength(before);
});

test("the longer Stripe refuses, and the sooner it does so again, the rarer it is probed", async ({
  db,
}) => {
  const pause = () => db.query("select app_private.pause_stripe(403, 'GET', '/v1/prices', 'x')");
  const secondsToProbe = async () =>
    Number(
      (
        await rowOf<{ seconds: string }>(
          db,
          `select extract(epoch from next_probe_at - now()) as seconds
          from app_private.stripe_pauses where resumed_at is null`,
        )
      ).seconds,
    );
  await db.query("delete from app_private.stripe_pauses");
  await pause();
  const waits = [await secondsToProbe()];
  for (let nth = 0; nth < 6; nth += 1) {
    await db.query("update app_private.stripe_pauses set next_probe_at = now()");
    expect(await rowsOf(db, "select * from app_private.claim_stripe_probe()")).toHaveLength(1);
    // Nobody else is to ask at the same time.
    expect(await rowsOf(db, "select * from app_private.claim_stripe_probe()")).toEqual([]);
    waits.push(await secondsToProbe());
  }
  expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300]);

  await db.query("select app_private.resume_stripe('a probe')");
  await pause();
  expect(await secondsToProbe()).toBe(20);
});
