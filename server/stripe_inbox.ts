import type pg from "pg";

import type { StripeEventHint } from "./stripe_event_hint.ts";

/** What of Stripe is this deployment's. */
export type OurStripe = {
  livemode: boolean;
  /** Our account, where the endpoint hears of several. */
  accountId: string | undefined;
};

/** Keeps an event and books its job, in one statement; says what became of it. */
export async function keepEvent(
  database: Pick<pg.ClientBase, "query">,
  { hint, payload, ours }: { hint: StripeEventHint; payload: string; ours: OurStripe },
): Promise<string | undefined> {
  // Named, so that each connection prepares it once.
  const { rows } = await database.query<{ status: string }>({
    name: "receive_stripe_event",
    text: `select app_private.receive_stripe_event(
      $1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9::double precision), $10, $11, $12
    ) as status`,
    values: [
      hint.id,
      hint.type,
      hint.objectType,
      hint.objectId,
      hint.customerId,
      hint.accountId,
      hint.livemode,
      hint.apiVersion,
      hint.created,
      payload,
      ours.accountId ?? null,
      ours.livemode,
    ],
  });
  return rows[0]?.status;
}
