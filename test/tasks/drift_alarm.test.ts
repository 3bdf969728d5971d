/** When a difference that the comparison has found, and has read again at once, is an alarm. */
import { expect, withClient } from "../support/index.ts";
import { paidTenant, runBooked, type PaidTenant } from "../support/paid_tenant.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { openAlarms, stands } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** A tenant whose subscription has ended at Stripe, which a comparison has found. */
async function foundByComparing(
  workshop: Workshop,
  between: (tenant: PaidTenant) => Promise<unknown> = async () => {},
): Promise<PaidTenant> {
  const tenant = await paidTenant(workshop);
  await poll(workshop);
  await workshop.stripe.subscriptions.cancel(tenant.subscription);
  await between(tenant);
  await workshop.pool.query("select app_private.request_reconcile()");
  await workshop.settle();
  const { drifted } = await rowOf<{ drifted: string }>(
    workshop.pool,
    `select result->>'drifted' as drifted from app_private.stripe_checks
    where kind = 'reconcile' order by started_at desc limit 1`,
  );
  expect(drifted).toBe("1");
  expect(await stands(workshop, tenant.tenantId)).toMatchObject({ status: "suspended" });
  return tenant;
}

async function poll(workshop: Workshop): Promise<void> {
  await workshop.pool.query("select app_private.request_poll()");
  await workshop.settle();
}

function bookedLooks({ pool }: Workshop) {
  return rowsOf(
    pool,
    `select round(extract(epoch from run_at - created_at) / 60) as minutes
    from graphile_worker._private_jobs where key like 'billing_drift:%'`,
  );
}

type Kept = { customer: string; status: string; secondsAgo: number };

function keepEvent({ database }: Workshop, { customer, status, secondsAgo }: Kept) {
  return withClient(database.urls.superuser, (client) =>
    client.query(
      `insert into app_private.stripe_events
        (id, type, customer_id, livemode, status, payload, created_at, received_at, received_seq)
      select 'evt_' || gen_random_uuid(), 'customer.subscription.deleted', $1, false, $2, '{}', now(),
        now() - make_interval(secs => $3), nextval('app_private.stripe_sync_seq')`,
      [customer, status, secondsAgo],
    ),
  );
}

test("a difference of which no event comes is an alarm, once, ten minutes later", async ({
  workshop,
}) => {
  const { customer } = await foundByComparing(workshop);
  expect(await openAlarms(workshop, customer)).toEqual([]);
  expect(await bookedLooks(workshop)).toEqual([{ minutes: "10" }]);

  await runBooked(workshop, "billing_drift:");
  expect(await openAlarms(workshop, customer)).toMatchObject([{ kind: "billing_drift" }]);
  expect(await bookedLooks(workshop)).toEqual([]);
});

test("a difference whose event was on its way is none", async ({ workshop }) => {
  const { customer } = await foundByComparing(workshop);
  // The webhook's event, which comes after the comparison has begun.
  await poll(workshop);
  await runBooked(workshop, "billing_drift:");
  expect(await openAlarms(workshop, customer)).toEqual([]);
});

test("another customer's event does not make it none", async ({ workshop }) => {
  const { customer } = await foundByComparing(workshop);
  await keepEvent(workshop, { customer: "cus_other", status: "foreign", secondsAgo: 0 });
  await runBooked(workshop, "billing_drift:");
  expect(await openAlarms(workshop, customer)).toMatchObject([{ kind: "billing_drift" }]);
});

test.for(["pending", "failed"])(
  "a difference of which a %s event tells is repaired, and none",
  async (status, { workshop }) => {
    const { customer } = await foundByComparing(workshop, (tenant) =>
      keepEvent(workshop, { customer: tenant.customer, status, secondsAgo: 60 }),
    );
    expect(await bookedLooks(workshop)).toEqual([]);
    expect(await openAlarms(workshop, customer)).toEqual([]);
  },
);
