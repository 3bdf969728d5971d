import { expect, withClient } from "../support/index.ts";
import { paidTenant, runBooked } from "../support/paid_tenant.ts";
import { requestOn, rowOf, rowsOf } from "../support/query.ts";
import { test as base, type Workshop } from "../support/tasks.ts";

type Metered = Workshop & { meter: string };

/** Stripe charges by the feature apiCalls in this file. */
const test = base.extend<{ $file: { metered: Metered } }>({
  metered: [
    async ({ workshop }, use) => {
      const { id } = await workshop.stripe.billing.meters.create({
        display_name: "API calls",
        event_name: "api_calls",
        default_aggregation: { formula: "sum" },
      });
      await asSuperuser(
        workshop,
        "update app_public.features set meter_event = 'api_calls' where key = 'apiCalls'",
      );
      await use({ ...workshop, meter: id });
    },
    { scope: "file" },
  ],
});

const asSuperuser = ({ database }: Workshop, sql: string, values: unknown[] = []) =>
  withClient(database.urls.superuser, (client) => rowsOf(client, sql, values));

async function consume(workshop: Workshop, tenantId: string, amount: number, key: string) {
  const [owner] = await asSuperuser(
    workshop,
    "select user_id from app_public.memberships where tenant_id = $1",
    [tenantId],
  );
  await withClient(workshop.database.urls.server, (client) =>
    requestOn(client, { userId: String(owner?.["user_id"]), tenantId }, () =>
      client.query("select app_public.consume_feature('apiCalls', $1, $2)", [amount, key]),
    ),
  );
}

async function counted({ stripe, meter }: Metered, customer: string): Promise<number> {
  const now = Math.floor(Date.now() / 60_000) * 60;
  const { data } = await stripe.billing.meters.listEventSummaries(meter, {
    customer,
    start_time: now - 40 * 86_400,
    end_time: now + 3600,
  });
  return data.reduce((sum, { aggregated_value: value }) => sum + value, 0);
}

const statuses = (workshop: Workshop, tenantId: string) =>
  rowsOf(
    workshop.pool,
    "select status, count(*)::int from app_private.meter_events where tenant_id = $1 group by status order by status",
    [tenantId],
  );

const report = (workshop: Workshop) => runBooked(workshop, "stripe_usage:");

test.for(["reset_after", "500_after", "500_before", "429"] as const)(
  "S58: usage that is reported again after %s is counted once",
  async (kind, { metered }) => {
    const { tenantId, customer } = await paidTenant(metered);
    await consume(metered, tenantId, 3, "k1");
    await consume(metered, tenantId, 3, "k1");
    await consume(metered, tenantId, 4, "k2");
    await metered.control("faults", { kind, method: "POST", path: "/v1/billing/meter_events" });
    await report(metered);
    expect(await counted(metered, customer)).toBe(7);
    expect(await statuses(metered, tenantId)).toEqual([{ status: "reported", count: 2 }]);
  },
);

test("S58: usage that is older than Stripe takes is put aside with an alarm", async ({
  metered,
}) => {
  const { tenantId, customer } = await paidTenant(metered);
  await consume(metered, tenantId, 5, "old");
  await consume(metered, tenantId, 6, "new");
  await asSuperuser(
    metered,
    "update app_private.meter_events set used_at = now() - interval '36 days' where tenant_id = $1 and value = 5",
    [tenantId],
  );
  await report(metered);
  expect(await counted(metered, customer)).toBe(6);
  expect(await statuses(metered, tenantId)).toEqual([
    { status: "reported", count: 1 },
    { status: "too_old", count: 1 },
  ]);
  const alarm = await rowOf(
    metered.pool,
    "select kind, times from app_private.alarms where subject = $1",
    [tenantId],
  );
  expect(alarm).toEqual({ kind: "usage_not_reported", times: 1 });
});

test("usage whose job is gone is reported by the nightly look, once", async ({ metered }) => {
  const { tenantId, customer } = await paidTenant(metered);
  await consume(metered, tenantId, 5, "k1");
  await asSuperuser(
    metered,
    "delete from graphile_worker._private_jobs where key = 'stripe_usage:' || $1",
    [tenantId],
  );
  await asSuperuser(
    metered,
    "update app_private.meter_events set used_at = now() - interval '2 hours' where tenant_id = $1",
    [tenantId],
  );
  for (let night = 0; night < 2; night += 1) {
    await metered.pool.query("select app_private.request_reconcile()");
    await metered.settle();
    expect(await statuses(metered, tenantId)).toEqual([{ status: "reported", count: 1 }]);
    expect(await counted(metered, customer)).toBe(5);
  }
});

test("usage that may have been counted is not sent again once Stripe would count it twice", async ({
  metered,
}) => {
  const { tenantId, customer } = await paidTenant(metered);
  await consume(metered, tenantId, 5, "k1");
  await asSuperuser(
    metered,
    "update app_private.meter_events set attempted_at = now() - interval '24 hours' where tenant_id = $1",
    [tenantId],
  );
  await report(metered);
  expect(await counted(metered, customer)).toBe(0);
  expect(await statuses(metered, tenantId)).toEqual([{ status: "in_doubt", count: 1 }]);
});

test("a feature that names no meter is nobody's business but ours", async ({ metered }) => {
  const { tenantId } = await paidTenant(metered);
  await asSuperuser(metered, "update app_public.features set meter_event = null");
  await consume(metered, tenantId, 5, "k1");
  expect(await statuses(metered, tenantId)).toEqual([]);
});
