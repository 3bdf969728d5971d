/** A billing request that nobody carries out ends after an hour, also when its job is gone. */
import { stripeTendEvents } from "../../tasks/stripe_tend_events.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect, waitUntil, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const PAGE = "create_billing_portal_session()";

const asSuperuser = ({ database }: Workshop, sql: string, values: unknown[] = []) =>
  withClient(database.urls.superuser, (client) => rowsOf(client, sql, values));

const tend = async (workshop: Workshop) => {
  await stripeTendEvents()({}, workshop.helpers);
};

const statusOf = ({ pool }: Workshop, id: string) =>
  rowOf(pool, "select status, error_code from app_public.billing_requests where id = $1", [id]);

const PENDING = { status: "pending", error_code: null };
const EXPIRED = { status: "failed", error_code: "expired" };

/** A request that was asked so long ago, and its tenant. */
async function askedBefore(workshop: Workshop, minutes: number) {
  const tenantId = await workshop.found();
  await workshop.settle();
  const id = await askAsOwner(workshop, tenantId, PAGE);
  await asSuperuser(
    workshop,
    `update app_public.billing_requests set created_at = now() - make_interval(mins => $2)
    where id = $1`,
    [id, minutes],
  );
  return { tenantId, id };
}

const dismissJob = (workshop: Workshop, id: string) =>
  asSuperuser(
    workshop,
    `select app_private.dismiss_job(id) from graphile_worker._private_jobs
    where key = 'billing_request:' || $1`,
    [id],
  );

test("a request whose job was dismissed has expired within the hour and a minute, and whoever watches is told", async ({
  workshop,
}) => {
  const late: { tenantId: string; id: string }[] = [];
  for (let many = 0; many < 2; many += 1) {
    const request = await askedBefore(workshop, 61);
    await dismissJob(workshop, request.id);
    late.push(request);
  }
  const young = await askedBefore(workshop, 59);
  await dismissJob(workshop, young.id);
  await withClient(workshop.database.urls.server, async (listener) => {
    const told: unknown[] = [];
    listener.on("notification", ({ payload = "" }) => told.push(JSON.parse(payload)));
    await listener.query("listen rowhouse_tenants");
    await tend(workshop);
    await tend(workshop);
    // A word of our own comes after all that was said before.
    await asSuperuser(workshop, `select pg_notify('rowhouse_tenants', '"the end"')`);
    await waitUntil(() => told.at(-1) === "the end");
    expect(told).toHaveLength(late.length + 1);
    for (const { tenantId, id } of late) {
      expect(told).toContainEqual({ tenant_id: tenantId, topic: "billing_request", row_id: id });
    }
  });
  for (const { id } of late) expect(await statusOf(workshop, id)).toEqual(EXPIRED);
  expect(await statusOf(workshop, young.id)).toEqual(PENDING);
});

test("so it is when its job waits for another attempt, and that then does nothing", async ({
  workshop,
}) => {
  const { id } = await askedBefore(workshop, 61);
  await tend(workshop);
  expect(await statusOf(workshop, id)).toEqual(EXPIRED);
  await workshop.settle();
  expect(await statusOf(workshop, id)).toEqual(EXPIRED);
});

test("a request that is being carried out is left to its job, which may just have done it", async ({
  workshop,
}) => {
  const { id } = await askedBefore(workshop, 61);
  const lock = (value: string | null) =>
    asSuperuser(
      workshop,
      `update graphile_worker._private_jobs set
        locked_by = $2, locked_at = case when $2::text is not null then now() end
      where key = 'billing_request:' || $1`,
      [id, value],
    );
  await lock("another worker");
  await tend(workshop);
  expect(await statusOf(workshop, id)).toEqual(PENDING);
  await lock(null);
  await tend(workshop);
  expect(await statusOf(workshop, id)).toEqual(EXPIRED);
});

test("whoever asks anew ends the late one, and who watches is told of both", async ({
  workshop,
}) => {
  const { tenantId, id } = await askedBefore(workshop, 61);
  await withClient(workshop.database.urls.server, async (listener) => {
    const told: unknown[] = [];
    listener.on("notification", ({ payload = "" }) => told.push(JSON.parse(payload)));
    await listener.query("listen rowhouse_tenants");
    const fresh = await askAsOwner(workshop, tenantId, PAGE);
    const topic = { tenant_id: tenantId, topic: "billing_request" };
    await waitUntil(() => told.length === 2);
    expect(told).toEqual([
      { ...topic, row_id: id },
      { ...topic, row_id: fresh },
    ]);
  });
  expect(await statusOf(workshop, id)).toEqual(EXPIRED);
});
