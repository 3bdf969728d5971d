import type { JobHelpers, Task } from "graphile-worker";
import type Stripe from "stripe";

import { hintOf } from "../server/stripe_event_hint.ts";
import { keepEvents, type OurStripe } from "../server/stripe_inbox.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_poll_events: Record<string, never>;
    }
  }
}

export type StripePollEventsOptions = {
  stripe: Pick<Stripe, "events">;
  ours: OurStripe;
};

/** Stripe keeps events for 30 days; what is older only a full comparison can find. */
const KEPT_DAYS = 30;
/** Looked at twice: clocks differ, and an event may be listed late. */
const OVERLAP_MS = 3_600_000;
const DAY_MS = 86_400_000;
const PAGE = 100;

type Check = { id: string; started_at: Date; last_started_at: Date | null };

/**
 * Puts into the inbox what Stripe's list of events has and the inbox lacks, since the last poll that
 * came to its end. The list and the inbox are compared event by event: whatever the webhook did or
 * did not bring, in whatever order, nothing is missed and nothing is doubled.
 */
export function stripePollEvents(options: StripePollEventsOptions): Task<"stripe_poll_events"> {
  const { stripe, ours } = options;

  return async function run(_payload, helpers) {
    const { query, logger } = helpers;
    const check = await begin(query);
    const now = check.started_at.getTime();
    const last = check.last_started_at?.getTime() ?? now;
    const oldest = now - KEPT_DAYS * DAY_MS;
    if (last < oldest) {
      logger.warn(`No poll has ended for ${KEPT_DAYS} days; comparing everything with Stripe`);
      await query("select app_private.request_reconcile()");
    }

    const since = Math.floor(Math.max(last - OVERLAP_MS, oldest) / 1000);
    const found = { listed: 0, missed: 0 };
    let page: Stripe.Event[] = [];
    const keep = async () => {
      found.listed += page.length;
      found.missed += await receive(helpers, page, ours);
      page = [];
    };
    for await (const event of stripe.events.list({ created: { gte: since }, limit: PAGE })) {
      page.push(event);
      // Kept page by page: cut short, the next poll begins again at the same place.
      if (page.length === PAGE) await keep();
    }
    await keep();
    await query("select app_private.finish_stripe_check($1, $2)", [check.id, found]);
    if (found.missed > 0) logger.warn(`Found ${found.missed} events that no webhook had brought`);
  };
}

async function begin(query: JobHelpers["query"]): Promise<Check> {
  const { rows } = await query<Check>("select * from app_private.begin_stripe_check('poll')");
  const [check] = rows;
  if (check === undefined) throw new Error("begin_stripe_check returned nothing");
  return check;
}

/**
 * Keeps those that the inbox lacks; returns how many of them a webhook should have brought. Stripe
 * lists events of all types, also of those that no endpoint is sent.
 */
async function receive(
  { query, withPgClient }: Pick<JobHelpers, "query" | "withPgClient">,
  events: readonly Stripe.Event[],
  ours: OurStripe,
): Promise<number> {
  const { rows } = await query<{ id: string }>(
    "select app_private.unseen_stripe_events($1) as id",
    [events.map(({ id }) => id)],
  );
  const unseen = new Set(rows.map(({ id }) => id));
  let missed = 0;
  for (const event of events) {
    const hint = unseen.has(event.id) ? hintOf(event) : undefined;
    if (hint === undefined) continue;
    const payload = JSON.stringify(event);
    const [status] = await withPgClient((client) => keepEvents(client, [{ hint, payload }], ours));
    if (status === "pending") missed += 1;
  }
  return missed;
}
