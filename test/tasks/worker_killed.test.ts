/**
 * A real worker process, killed in the middle of a call to Stripe, and another one that takes over.
 * What is due to time, a heartbeat that is old, is brought about by making it older.
 */
import type { ChildProcess } from "node:child_process";

import type pg from "pg";

import { expect, waitUntil, withClient } from "../support/index.ts";
import { killHard } from "../support/home.ts";
import { rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";
import { spawnWorker } from "../support/worker_process.ts";
import { passMinute } from "../support/worker_time.ts";

/** Until after the death: what a dead process asked for still arrives. */
const HELD_MS = 500;
/** Processes start slowly on a machine that is busy. */
const PROCESSES_MS = 90_000;
const START_MS = 30_000;

test.for(["/v1/customers", "/v1/subscriptions"])(
  "a worker killed while POST %s is under way leaves one customer and one subscription",
  { timeout: PROCESSES_MS },
  async (path, { workshop }) => {
    const tenantId = await workshop.found();
    await workshop.control("faults", { kind: "slow", method: "POST", path, ms: HELD_MS });
    await untilKilled(workshop, () => isHeld(workshop));
    // The next worker knows the dead one as alive, until time passes.
    await withClient(workshop.database.urls.superuser, passMinute);

    const second = spawnWorker(workshop);
    try {
      await waitUntil(() => isOver(workshop, tenantId), { deadlineMs: START_MS, everyMs: 50 });
    } finally {
      await killHard(second);
    }
    const { customers, subscriptions } = await workshop.atStripe(tenantId);
    expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  },
);

test(
  "a worker that is stopped says so, and leaves nothing to release",
  { timeout: PROCESSES_MS },
  async ({ workshop }) => {
    await withClient(workshop.database.urls.superuser, async (client) => {
      await client.query("delete from app_private.worker_heartbeats");
      const worker = spawnWorker(workshop);
      try {
        await waitUntil(async () => (await heartbeats(client)) === 1, { deadlineMs: START_MS });
      } finally {
        await stopped(worker);
      }
      expect(await heartbeats(client)).toBe(0);
    });
  },
);

test(
  "a worker that was only stalled does no harm when it goes on beside another",
  { timeout: PROCESSES_MS },
  async ({ workshop }) => {
    const tenantId = await workshop.found();
    // The first read of the customer: in the sync, which runs in the customer's queue.
    await workshop.control("faults", {
      kind: "slow",
      method: "GET",
      path: "/v1/customers/",
      ms: 100,
    });
    await withClient(workshop.database.urls.superuser, async (client) => {
      const stalled = spawnWorker(workshop);
      const other = await (async () => {
        await waitUntil(() => isHeld(workshop), { deadlineMs: START_MS });
        stalled.kill("SIGSTOP");
        await passMinute(client);
        return spawnWorker(workshop);
      })();
      try {
        await waitUntil(() => isOver(workshop, tenantId), { deadlineMs: START_MS, everyMs: 50 });
        stalled.kill("SIGCONT");
        await waitUntil(async () => (await heartbeats(client)) === 2, { deadlineMs: START_MS });
      } finally {
        await Promise.all([stopped(stalled), stopped(other)]);
      }
      expect(await rowsOf(client, "select from graphile_worker._private_jobs")).toEqual([]);
      expect(
        await rowsOf(
          client,
          "select from graphile_worker._private_job_queues where locked_by is not null",
        ),
      ).toEqual([]);
    });
    const { customers, subscriptions } = await workshop.atStripe(tenantId);
    expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  },
);

async function untilKilled(workshop: Workshop, condition: () => Promise<boolean>): Promise<void> {
  const first = spawnWorker(workshop);
  try {
    await waitUntil(condition, { deadlineMs: START_MS });
  } finally {
    await killHard(first);
  }
}

/** Stops it cleanly. */
function stopped(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}

async function heartbeats(client: pg.Client): Promise<number> {
  return (await rowsOf(client, "select from app_private.worker_heartbeats")).length;
}

/** The call that was to be slow is being so. */
async function isHeld({ stripeUrl }: Workshop): Promise<boolean> {
  const response = await fetch(`${stripeUrl}/_emulator/faults`);
  const { faults } = (await response.json()) as { faults: unknown[] };
  return faults.length === 0;
}

async function isOver({ database }: Workshop, tenantId: string): Promise<boolean> {
  return withClient(database.urls.superuser, async (client) => {
    const rows = await rowsOf(
      client,
      "select from app_public.tenants where id = $1 and status = 'incomplete'",
      [tenantId],
    );
    return rows.length === 1;
  });
}
