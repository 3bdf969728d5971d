import type { StripeEventHint } from "./stripe_event_hint.ts";

/** An event that came, and what of Stripe's is this deployment's. */
export type Arrival = {
  hint: StripeEventHint;
  /** The event as it came. */
  payload: string;
  livemode: boolean;
  /** The account that is ours, where events of several come. */
  accountId: string | undefined;
};

/** Keeps an event and books its processing; answers pending, ignored, duplicate and so on. */
export function receiveStatement({ hint, payload, livemode, accountId }: Arrival) {
  return {
    // Named, so that each connection prepares it once.
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
      accountId ?? null,
      livemode,
    ],
  };
}
