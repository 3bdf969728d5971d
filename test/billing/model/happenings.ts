/** What happens to all tenants at once. */
import { chosen } from "./history.ts";
import type { Happening, Plan } from "./plan.ts";
import { look } from "./quiet.ts";
import type { World } from "./world.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
/** How long it may take to tell of what happened in a month, on a busy machine. */
const TELLING_MS = 60_000;
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

/** Does it. */
export async function happen(world: World, { event, choice }: Happening): Promise<void> {
  switch (event) {
    case "advance":
      return advance(world, secondsOf(choice));
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
    case "look at Stripe":
      await look(world, choice % 2 === 0 ? "poll" : "reconcile");
      return;
    case "kill worker":
      return world.processes.killWorker();
    case "kill server":
      return world.processes.killServer();
  }
}

/** Whether so much time passes that Stripe may have forgotten events. */
export function isLong({ beats }: Plan): boolean {
  const seconds = beats.map(({ happening }) =>
    happening?.event === "advance" ? secondsOf(happening.choice) : 0,
  );
  return seconds.reduce((sum, each) => sum + each, 0) >= 30 * DAY;
}

function secondsOf(choice: number): number {
  return chosen(ADVANCES, choice);
}

/**
 * Time passes at Stripe, and in what our own decisions about Stripe's keys are made by. Stripe gives
 * events up after three days, which are over at once when the clock moves: no outage is to be as long
 * where events alone must be enough, so days begin with a server that is there, and end when all is told.
 */
async function advance({ admin, control, processes }: World, seconds: number): Promise<void> {
  if (seconds >= DAY) await processes.ready();
  await control("advance", { seconds, timeout_ms: TELLING_MS });
  await admin.query(
    `update app_private.billing_intents
    set first_attempt_at = first_attempt_at - make_interval(secs => $1)`,
    [seconds],
  );
}
