import type pg from "pg";

import type { StripeEventHint } from "./stripe_event_hint.ts";

/** What of Stripe is this deployment's. */
export type OurStripe = {
  livemode: boolean;
  /** Our account, where the endpoint hears of several. */
  accountId: string | undefined;
};

/** A verified event, as it came and what is read from it. */
export type ReceivedEvent = { hint: StripeEventHint; payload: string };

/**
 * Keeps events and books their jobs, in one statement; says in turn what became of each. One that
 * comes twice among them is a duplicate the second time.
 */
export async function keepEvents(
  database: Pick<pg.ClientBase, "query">,
  events: readonly ReceivedEvent[],
  ours: OurStripe,
): Promise<string[]> {
  const all = <Field extends keyof StripeEventHint>(field: Field) =>
    events.map(({ hint }) => hint[field]);
  const { rows } = await database.query<{ event_id: string; event_status: string }>({
    // Named, so that each connection prepares it once for so many events.
    name: `receive_stripe_events_${events.length}`,
    text: statementFor(events.length),
    values: [
      ours.accountId ?? null,
      ours.livemode,
      all("id"),
      all("type"),
      all("objectType"),
      all("objectId"),
      all("customerId"),
      all("accountId"),
      all("livemode"),
      all("apiVersion"),
      all("created"),
      ...events.map(({ payload }) => payload),
    ],
  });
  const kept = new Map(rows.map(({ event_id, event_status }) => [event_id, event_status]));
  return events.map(({ hint: { id } }) => {
    const status = kept.get(id) ?? "duplicate";
    kept.delete(id);
    return status;
  });
}

/** Payloads go one by one: as the text of an array, quoted and unquoted, they cost twice as much. */
function statementFor(count: number): string {
  const payloads = Array.from({ length: count }, (_, index) => `$${index + 12}`);
  return `select * from app_private.receive_stripe_events(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, array[${payloads.join()}]::json[]
  )`;
}
