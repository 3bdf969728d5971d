import type { JobHelpers, Task } from "graphile-worker";
import Stripe from "stripe";

import { uuidFrom } from "./payload.ts";
import { heldBackFor, isKeyRefused } from "./stripe_gate.ts";

declare global {
  namespace GraphileWorker {
    interface Tasks {
      stripe_report_usage: { tenant_id: string };
    }
  }
}

export type StripeReportUsageOptions = {
  stripe: { billing: Pick<Stripe["billing"], "meterEvents"> };
};

type MeterEvent = {
  identifier: string;
  event_name: string;
  value: number;
  used_at: Date;
  customer_id: string;
};

/**
 * Tells Stripe's meters what a tenant has used. The identifier is the usage record's own, so that a
 * report that is repeated after a crash counts once.
 */
export function stripeReportUsage({
  stripe,
}: StripeReportUsageOptions): Task<"stripe_report_usage"> {
  return async function run(payload, { query }) {
    const tenantId = uuidFrom(payload, "tenant_id");
    const failures: unknown[] = [];
    let after = "";
    for (;;) {
      const event = await beginEvent(query, tenantId, after);
      if (event === undefined) break;
      after = event.identifier;
      const end = (isTaken: boolean) =>
        query("select app_private.end_meter_event($1, $2, $3)", [
          tenantId,
          event.identifier,
          isTaken,
        ]);
      try {
        await report(stripe, event);
        await end(true);
      } catch (error) {
        if (isRefusal(error)) await end(false);
        // No call is made for now, so the others have to wait as well.
        if (heldBackFor(error) !== undefined || isKeyRefused(error)) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw new Error(`${failures.length} uses were not reported`, { cause: failures[0] });
    }
  };
}

async function report(
  { billing }: StripeReportUsageOptions["stripe"],
  { identifier, event_name, value, used_at: usedAt, customer_id: customerId }: MeterEvent,
): Promise<void> {
  try {
    // No idempotency key of ours: Stripe goes on answering 500 to a key that it once answered so,
    // and the identifier says already that it is the same.
    await billing.meterEvents.create({
      event_name,
      identifier,
      payload: { stripe_customer_id: customerId, value: String(value) },
      timestamp: Math.floor(usedAt.getTime() / 1000),
    });
  } catch (error) {
    if (!isTakenAlready(error)) throw error;
  }
}

/** Whether Stripe has it from an attempt whose answer was lost. */
function isTakenAlready(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.param === "identifier";
}

/** Whether it is certain that this was not counted: any 4xx but a call that is still running. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  const status = error.statusCode ?? 0;
  return status >= 400 && status < 500 && status !== 409;
}

async function beginEvent(
  query: JobHelpers["query"],
  tenantId: string,
  after: string,
): Promise<MeterEvent | undefined> {
  const { rows } = await query<MeterEvent>("select * from app_private.begin_meter_event($1, $2)", [
    tenantId,
    after,
  ]);
  return rows[0];
}
