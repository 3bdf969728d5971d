/**
 * A real worker process, killed in the middle of a call to Stripe, and another one that takes over.
 * graphile-worker keeps a dead worker's jobs locked for four hours; what an operator (or the
 * release of stale locks) does about that, force_unlock_workers, is done here by hand.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, waitUntil, withClient } from "../support/index.ts";
import { killHard } from "../support/home.ts";
import { rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const MAIN = fileURLToPath(new URL("../../tasks/main.ts", import.meta.url));
/** Until after the death: what a dead process asked for still arrives. */
const HELD_MS = 500;

function startWorker({ database, stripeUrl }: Workshop): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      WORKER_DATABASE_URL: database.urls.worker,
      STRIPE_SECRET_KEY: "sk_test_tasks",
      STRIPE_API_BASE: stripeUrl,
      LOG_LEVEL: "warn",
    },
  });
}

async function unlockTheDead({ database }: Workshop): Promise<void> {
  await withClient(database.urls.superuser, async (client) => {
    const locked = await rowsOf<{ locked_by: string }>(
      client,
      "select locked_by from graphile_worker._private_jobs where locked_by is not null",
    );
    expect(locked).toHaveLength(1);
    await client.query("select graphile_worker.force_unlock_workers($1)", [
      locked.map(({ locked_by }) => locked_by),
    ]);
  });
}

test.for(["/v1/customers", "/v1/subscriptions"])(
  "a worker killed while POST %s is under way leaves one customer and one subscription",
  async (path, { workshop }) => {
    const tenantId = await workshop.found();
    await workshop.control("faults", { kind: "slow", method: "POST", path, ms: HELD_MS });
    const first = startWorker(workshop);
    try {
      await waitUntil(() => isHeld(workshop), { deadlineMs: 15_000 });
    } finally {
      await killHard(first);
    }
    await unlockTheDead(workshop);

    const second = startWorker(workshop);
    try {
      await waitUntil(() => isOver(workshop, tenantId), { deadlineMs: 15_000, everyMs: 50 });
    } finally {
      await killHard(second);
    }
    const { customers, subscriptions } = await workshop.atStripe(tenantId);
    expect([customers.length, subscriptions.length]).toEqual([1, 1]);
  },
);

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
