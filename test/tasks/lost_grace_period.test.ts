/** The end of a grace period is a job, and jobs can be dismissed, deleted or given up. */
import { expect, withClient } from "../support/index.ts";
import { paidTenant, stands, standsSynced, type Paid } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

/** A tenant in its grace period, which ends so many hours from now, with no job to end it. */
async function tenantInGrace(workshop: Workshop, hours: number): Promise<Paid> {
  const tenant = await paidTenant(workshop);
  await workshop.control(`subscriptions/${tenant.subscription}/renew`, { outcome: "fail" });
  expect(await standsSynced(workshop, tenant)).toMatchObject({ status: "past_due" });
  await withClient(workshop.database.urls.superuser, async (client) => {
    await client.query("delete from graphile_worker._private_jobs where key = $1", [
      `end_grace_period:${tenant.tenantId}`,
    ]);
    const ends = [tenant.tenantId, hours];
    await client.query(
      `update app_private.stripe_subscriptions
      set grace_ends_at = now() + make_interval(hours => $2) where tenant_id = $1`,
      ends,
    );
    await client.query(
      `update app_public.tenants
      set grace_ends_at = now() + make_interval(hours => $2) where id = $1`,
      ends,
    );
  });
  return tenant;
}

test("a grace period whose job is gone is ended by the nightly look, and not before its time", async ({
  workshop,
}) => {
  const over = [await tenantInGrace(workshop, -1), await tenantInGrace(workshop, -2)];
  const running = await tenantInGrace(workshop, 1);
  await workshop.pool.query("select app_private.request_reconcile()");
  await workshop.settle();
  for (const { tenantId } of over) {
    const suspended = { status: "suspended", access: "none" };
    expect(await stands(workshop, tenantId)).toMatchObject(suspended);
  }
  expect(await stands(workshop, running.tenantId)).toMatchObject({
    status: "past_due",
    access: "full",
  });
});
