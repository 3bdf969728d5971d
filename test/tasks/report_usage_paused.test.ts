/** Usage waits like all other work while Stripe refuses our key. */
import { test } from "../support/gated_tasks.ts";
import { expect, withClient } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { NO_PERMISSION } from "../support/stripe_door.ts";

test("while Stripe work is paused usage is asked about once, and no attempt is used up", async ({
  workshop,
  gated,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query(
      `with noted as (
        insert into app_private.meter_events (tenant_id, identifier, event_name, value, used_at)
        select $1, number::text, 'api_calls', 1, now() from generate_series(1, 3) as number
      )
      select graphile_worker.add_job(
        'stripe_report_usage', json_build_object('tenant_id', $1::uuid)
      )`,
      [tenantId],
    ),
  );
  gated.door.refuse = () => NO_PERMISSION;
  for (let times = 0; times < 2; times += 1) {
    await gated.runDue();
    expect(await gated.jobs()).toMatchObject([
      { attempts: 0, last_error: expect.stringMatching(/^Stripe work is paused/) },
    ]);
    expect(gated.door.calls).toHaveLength(1);
    await gated.makeDue();
  }
  expect(
    await rowsOf(
      workshop.pool,
      "select from app_private.meter_events where status = 'pending' and attempted_at is null",
    ),
  ).toHaveLength(3);
});
