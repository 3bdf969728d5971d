/** What changes the subscription is done in the order in which it was asked for, whatever backs off. */
import { runBillingRequest } from "../../tasks/run_billing_request.ts";
import { askAsOwner as ask } from "../support/ask_as_owner.ts";
import { expect, withClient } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { paidTenant, sync } from "../support/synced.ts";
import { test, type FaultKind, type Workshop } from "../support/tasks.ts";

const CANCEL = "cancel_subscription(true)";
const RESUME = "resume_subscription()";
const CHANGE = "change_plan('enterprise')";
const CHECKOUT = "create_checkout_session('pro')";

/** Runs the request's task once, under a fault that leaves it for a later attempt. */
async function stumble(
  { options, helpers, control }: Workshop,
  ids: { tenant_id: string; request_id: string },
  { path, kind = "500_after" }: { path: string; kind?: FaultKind },
): Promise<void> {
  await control("faults", { kind, method: "POST", path });
  const attempt = runBillingRequest(options)(ids, helpers);
  await expect(attempt).rejects.toMatchObject({ statusCode: 500 });
}

const subscriptionOf = async ({ stripe }: Workshop, id: string) => {
  const { status, cancel_at, items } = await stripe.subscriptions.retrieve(id);
  return { status, cancels: cancel_at !== null, plan: items.data[0]?.price.lookup_key };
};

const statusOf = ({ pool }: Workshop, id: string) =>
  rowOf(pool, "select status, error_code from app_public.billing_requests where id = $1", [id]);

const DONE = { status: "done", error_code: null };

test("a cancellation that Stripe answered badly does not undo the resumption asked for after it", async ({
  workshop,
}) => {
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await sync(workshop, customer);
  const cancel = await ask(workshop, tenantId, CANCEL);
  const ids = { tenant_id: tenantId, request_id: cancel };
  await stumble(workshop, ids, { path: `/v1/subscriptions/${subscription}` });
  expect(await subscriptionOf(workshop, subscription)).toMatchObject({ cancels: true });

  await expect(ask(workshop, tenantId, RESUME)).rejects.toMatchObject({
    code: "CNFLT",
    message: "A cancellation is being worked on",
  });
  await workshop.settle();
  expect(await statusOf(workshop, cancel)).toEqual(DONE);

  const resume = await ask(workshop, tenantId, RESUME);
  await workshop.settle();
  expect(await statusOf(workshop, resume)).toEqual(DONE);
  expect(await subscriptionOf(workshop, subscription)).toMatchObject({ cancels: false });
});

test("a page that is prepared again after a bad answer opens before the cancellation that follows it", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.settle();
  const page = await ask(workshop, tenantId, CHECKOUT);
  const ids = { tenant_id: tenantId, request_id: page };
  await stumble(workshop, ids, { path: "/v1/checkout/sessions" });
  await expect(ask(workshop, tenantId, CANCEL)).rejects.toMatchObject({
    code: "CNFLT",
    message: "A checkout is being prepared",
  });
  await workshop.settle();
  expect(await statusOf(workshop, page)).toEqual(DONE);
});

test("one that hangs for an hour gives way, and is not done afterwards", async ({ workshop }) => {
  const { tenantId, customer, subscription } = await paidTenant(workshop);
  await sync(workshop, customer);
  const change = await ask(workshop, tenantId, CHANGE);
  const ids = { tenant_id: tenantId, request_id: change };
  await stumble(workshop, ids, { path: "/v1/subscriptions", kind: "500_before" });
  await expect(ask(workshop, tenantId, CANCEL)).rejects.toMatchObject({ code: "CNFLT" });
  await withClient(workshop.database.urls.superuser, (client) =>
    client.query(
      "update app_public.billing_requests set created_at = now() - interval '61 min' where id = $1",
      [change],
    ),
  );
  const cancel = await ask(workshop, tenantId, CANCEL);
  await workshop.settle();
  expect(await statusOf(workshop, change)).toEqual({ status: "failed", error_code: "expired" });
  expect(await statusOf(workshop, cancel)).toEqual(DONE);
  expect(await subscriptionOf(workshop, subscription)).toEqual({
    status: "active",
    cancels: true,
    plan: "pro_month",
  });
});

test("one that failed again and again is tried every few minutes, as others wait for its end", async ({
  workshop,
}) => {
  const { tenantId, customer } = await paidTenant(workshop);
  await sync(workshop, customer);
  const cancel = await ask(workshop, tenantId, CANCEL);
  const attempts = async (sql: string) =>
    withClient(workshop.database.urls.superuser, (client) =>
      rowOf(client, `${sql} where key = 'billing_request:' || $1 returning attempts`, [cancel]),
    );
  const ids = { tenant_id: tenantId, request_id: cancel };
  const jobs = "update graphile_worker._private_jobs set";
  await attempts(`${jobs} attempts = 3`);
  await stumble(workshop, ids, { path: "/v1/subscriptions", kind: "500_before" });
  expect(await attempts(`${jobs} attempts = attempts`)).toEqual({ attempts: 3 });
  await attempts(`${jobs} attempts = 9`);
  await stumble(workshop, ids, { path: "/v1/subscriptions", kind: "500_before" });
  // graphile-worker waits e^5 seconds, that is 148, where it would have waited more than two hours.
  expect(await attempts(`${jobs} attempts = attempts`)).toEqual({ attempts: 5 });
  await workshop.settle();
  expect(await statusOf(workshop, cancel)).toEqual(DONE);
});
