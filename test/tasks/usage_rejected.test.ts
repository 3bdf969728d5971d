/** What Stripe finds out about reported usage later, and tells by an event, over HTTP. */
import { randomBytes } from "node:crypto";

import { expect, waitUntil, withClient } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { test } from "../support/system.ts";
import { sendWebhook } from "../support/webhooks.ts";

test("S58: usage that Stripe took and could not count alarms the operator, once a meter", async ({
  database,
  system,
}) => {
  const { id: meter } = await system.stripe.billing.meters.create({
    display_name: "API calls",
    event_name: "api_calls",
    default_aggregation: { formula: "sum" },
  });
  // Stripe tells it by thin events only, which the emulator does not send by itself.
  const reports = Array.from({ length: 2 }, () => ({
    id: `evt_test_${randomBytes(12).toString("hex")}`,
    object: "v2.core.event",
    type: "v1.billing.meter.error_report_triggered",
    created: new Date().toISOString(),
    livemode: false,
    related_object: { id: meter, type: "billing.meter", url: `/v1/billing/meters/${meter}` },
  }));
  const raised = (times: number) =>
    waitUntil(() =>
      withClient(database.urls.superuser, async (client) => {
        const alarms = await rowsOf(
          client,
          `select kind, subject, times, resolved_at is null as open from app_private.alarms
          where subject = $1 and times = $2`,
          [meter, times],
        );
        return alarms.length > 0 ? alarms : undefined;
      }),
    );
  for (const [index, report] of reports.entries()) {
    const said = await sendWebhook(system, JSON.stringify(report));
    expect(said).toMatchObject({ status: 200, body: { status: "pending" } });
    const again = await sendWebhook(system, JSON.stringify(report));
    expect(again).toMatchObject({ status: 200, body: { status: "duplicate" } });
    expect(await raised(index + 1)).toEqual([
      { kind: "usage_rejected", subject: meter, times: index + 1, open: true },
    ]);
  }
});
