import type { Stripe } from "stripe";

import type { Store } from "../store.ts";

/** How much of what a metered price counts a customer has used in a period. */
export function usageOf(
  store: Store,
  price: Stripe.Price,
  customer: string,
  period: { start: number; end: number },
): number {
  const meter = store.meters.get(price.recurring?.meter ?? "");
  return meter === undefined ? 0 : usageIn(store, meter, customer, period);
}

/** What a meter adds up to for a customer in a period. */
export function usageIn(
  store: Store,
  meter: Stripe.Billing.Meter,
  customer: string,
  period: { start: number; end: number },
): number {
  const values = [...store.meterEvents.values()]
    .filter((each) => each.event_name === meter.event_name)
    .filter((each) => each.payload[meter.customer_mapping.event_payload_key] === customer)
    .filter((each) => each.timestamp >= period.start && each.timestamp < period.end)
    .map((each) => Number(each.payload[meter.value_settings.event_payload_key] ?? 0));
  switch (meter.default_aggregation.formula) {
    case "count":
      return values.length;
    case "last":
      return values.at(-1) ?? 0;
    default:
      return values.reduce((sum, value) => sum + value, 0);
  }
}
