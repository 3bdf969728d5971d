/** How a world is made quiet again, by nothing but what the product does by itself. */
import { rowOf } from "../../support/query.ts";
import { waitUntil } from "../../support/wait_until.ts";
import type { World } from "./world.ts";

const QUIET_MS = 60_000;

/** What may be missing when all is delivered. */
export type Losses = {
  /** Some events are never delivered. */
  isLossy: boolean;
  /** So much time has passed that some may not be listed by Stripe any more. */
  isLong: boolean;
};

/** Mischief ends, everything is delivered that ever will be, and everything booked is done. */
export async function quieten(world: World, { isLossy, isLong }: Losses): Promise<void> {
  await world.control("chaos");
  await world.control("webhooks", { mode: "deliver" });
  await world.processes.ready();
  const [isForgotten] = await Promise.all([settle(world), Promise.all(world.errands.splice(0))]);
  const isForgottenNow = await settle(world);
  const isUndelivered = isForgotten || isForgottenNow;
  if (isLossy || isUndelivered) await seeWhatWasLost(world, isUndelivered || isLong);
}

/** Delivers what is pending and does what is booked; answers as deliverPending. */
async function settle(world: World): Promise<boolean> {
  const isForgotten = await deliverPending(world);
  await drain(world);
  return isForgotten;
}

/** What a nightly comparison finds now. */
export async function compare(world: World): Promise<Record<string, number>> {
  await look(world, "reconcile");
  await drain(world);
  const { result } = await rowOf<{ result: Record<string, number> }>(
    world.admin,
    `select result from app_private.stripe_checks
    where kind = 'reconcile' and finished_at is not null order by started_at desc limit 1`,
  );
  return result;
}

/**
 * Deliveries that failed wait for up to a day and a half; they are asked for at once. Answers whether there
 * are some whose events Stripe has forgotten by now, a month later.
 */
async function deliverPending(world: World): Promise<boolean> {
  let isForgotten = false;
  await waitUntil(
    async () => {
      const { settled } = (await world.control("settle", { timeout_ms: 200 })) as {
        settled: boolean;
      };
      if (settled) return true;
      const response = await fetch(`${world.stripeUrl}/_emulator/deliveries?state=pending`);
      const { deliveries } = (await response.json()) as { deliveries: { event: string }[] };
      const pending = [...new Set(deliveries.map((delivery) => delivery.event))];
      const forgotten = await Promise.all(
        pending.map((event) =>
          world.control("deliveries/redeliver", { event }).then(
            () => false,
            () => true,
          ),
        ),
      );
      isForgotten ||= forgotten.includes(true);
      return pending.length > 0 && !forgotten.includes(false);
    },
    { deadlineMs: QUIET_MS },
  );
  return isForgotten;
}

/** What the clock does each hour and each night, done at once. */
export async function look({ admin }: World, how: "poll" | "reconcile"): Promise<void> {
  await admin.query(`select app_private.request_${how}()`);
}

/**
 * What Stripe has told nobody of is in its list of events for thirty days, and the hourly poll finds
 * it there. What is older only the nightly comparison finds; an operator reads the alarms that it raises.
 */
async function seeWhatWasLost(world: World, isForgotten: boolean): Promise<void> {
  await look(world, "poll");
  await drain(world);
  if (isForgotten) {
    await look(world, "reconcile");
    await drain(world);
  }
  await world.admin.query(
    "update graphile_worker._private_jobs set run_at = now() where key like 'billing_drift:%'",
  );
  await drain(world);
  await world.admin.query(
    `select app_private.dismiss_alarm(id) from app_private.alarms
    where kind = 'billing_drift' and resolved_at is null`,
  );
}

/** Waits until nothing is due; what failed is tried again now, not after a while. */
async function drain({ admin }: World): Promise<void> {
  await waitUntil(
    async () => {
      await admin.query(
        `update graphile_worker._private_jobs set run_at = now()
        where last_error is not null and locked_at is null and run_at > now() and attempts < max_attempts`,
      );
      const { rows } = await admin.query(
        `select from graphile_worker._private_jobs
        where locked_at is not null or (run_at <= now() and attempts < max_attempts)`,
      );
      return rows.length === 0;
    },
    { deadlineMs: QUIET_MS, everyMs: 100 },
  );
}
