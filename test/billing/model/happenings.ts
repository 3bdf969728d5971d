/** What happens to all tenants at once, and how the world is made quiet again. */
import { waitUntil } from "../../support/wait_until.ts";
import type { Happening } from "./plan.ts";
import type { World } from "./world.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const ADVANCES = [HOUR, 4 * HOUR, 25 * HOUR, 4 * DAY, 9 * DAY, 32 * DAY];
const FAULTS = ["409", "429", "429_lock_timeout", "500_before", "500_after", "reset_after"];
const PLACES = [
  { method: "POST", path: "/v1/customers" },
  { method: "POST", path: "/v1/subscriptions" },
  { method: "GET", path: "/v1/prices" },
  { method: "GET", path: "/v1/customers" },
  { method: "GET", path: "/v1/subscriptions" },
  { method: "GET", path: "/v1/invoices" },
  {},
];
const QUIET_MS = 60_000;

/** Does it. */
export async function happen(world: World, { event, choice }: Happening): Promise<void> {
  switch (event) {
    case "advance":
      return advance(world, ADVANCES[choice % ADVANCES.length] ?? HOUR);
    case "fault":
      await world.control("faults", {
        kind: FAULTS[choice % FAULTS.length],
        nth: 1 + (Math.floor(choice / 100) % 3),
        ...PLACES[Math.floor(choice / 10) % PLACES.length],
      });
      return;
    case "hold webhooks":
      await world.control("webhooks", { mode: "hold" });
      return;
    case "let webhooks go":
      await world.control("webhooks", { mode: "deliver" });
      return;
    case "kill worker":
      return world.processes.killWorker();
    case "kill server":
      return world.processes.killServer();
  }
}

/** Time passes at Stripe, and in what our own decisions about Stripe's keys are made by. */
async function advance({ admin, control }: World, seconds: number): Promise<void> {
  await control("advance", { seconds });
  await admin.query(
    `update app_private.billing_intents
    set first_attempt_at = first_attempt_at - make_interval(secs => $1)`,
    [seconds],
  );
}

/** Mischief ends, everything is delivered that ever will be, and everything booked is done. */
export async function quieten(world: World, isAnythingLost: boolean): Promise<void> {
  await world.control("chaos");
  await world.control("webhooks", { mode: "deliver" });
  await world.processes.ready();
  const isForgotten = await deliverPending(world);
  await drain(world);
  if (!isAnythingLost && !isForgotten) return;
  await seeWhatWasLost(world);
  await drain(world);
}

/**
 * Deliveries that failed wait for up to an hour; they are asked for at once. Answers whether there
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

/**
 * SEAM: what was never delivered is found by the hourly poll and the nightly reconciliation. Until
 * they are here, each customer's sync is booked by hand, and that is all that is done.
 */
async function seeWhatWasLost({ admin }: World): Promise<void> {
  await admin.query(
    "select app_private.request_customer_sync(id) from app_private.stripe_customers",
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
