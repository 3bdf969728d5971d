/** An operator provisions a tenant whose owner has a page to subscribe on: one of the two can be paid. */
import type Stripe from "stripe";

import { press } from "../dev/stripe_hosted.ts";
import { askAsOwner } from "../support/ask_as_owner.ts";
import { expect, withClient } from "../support/index.ts";
import { waitForLock } from "../support/locks.ts";
import { codeOf, rowOf, rowsOf } from "../support/query.ts";
import { sync } from "../support/synced.ts";
import { test, type Workshop } from "../support/tasks.ts";

const CHECKOUT = "create_checkout_session('pro')";
const ENDED: ReadonlySet<string> = new Set(["canceled", "incomplete_expired"]);
const RENEW = "select app_private.renew_billing_intent($1) as intent";

/** A tenant whose owner looks at a page to subscribe on. */
async function lookingAtPage(workshop: Workshop) {
  const tenantId = await workshop.found();
  await workshop.settle();
  const request = await askAsOwner(workshop, tenantId, CHECKOUT);
  await workshop.settle();
  const { url } = await rowOf<{ url: string }>(
    workshop.pool,
    "select url from app_public.billing_requests where id = $1",
    [request],
  );
  const { customers } = await workshop.atStripe(tenantId);
  return { tenantId, url, customer: customers[0]?.id ?? "" };
}

/** What can be paid, or is. */
async function offers({ stripe, atStripe }: Workshop, tenantId: string) {
  const { customers, subscriptions } = await atStripe(tenantId);
  const [{ id: customer } = { id: "" }] = customers;
  const pages = await stripe.checkout.sessions.list({ customer, status: "open" });
  return [
    ...pages.data.map(() => "page"),
    ...subscriptions.map(({ status }) => status).filter((status) => !ENDED.has(status)),
  ];
}

/** Tasks to which something happens right before they close a page. */
function beforeClosing({ options }: Workshop, act: () => Promise<unknown>) {
  const { sessions } = options.stripe.checkout;
  const acting: typeof sessions = Object.create(sessions);
  acting.expire = async (...args: Parameters<typeof sessions.expire>) => {
    await act();
    return sessions.expire(...args);
  };
  const checkout: Stripe["checkout"] = Object.create(options.stripe.checkout, {
    sessions: { value: acting },
  });
  const stripe: Stripe = Object.create(options.stripe, { checkout: { value: checkout } });
  return { stripe };
}

function openAlarms({ pool }: Workshop, tenantId: string) {
  return rowsOf(
    pool,
    "select kind from app_private.alarms where resolved_at is null and (subject = $1 or details->>'tenant_id' = $1)",
    [tenantId],
  );
}

test("S52: a page that is open is closed before the operator's subscription is made", async ({
  workshop,
}) => {
  const { tenantId } = await lookingAtPage(workshop);
  expect(await offers(workshop, tenantId)).toEqual(["page"]);
  await workshop.pool.query(RENEW, [tenantId]);
  await workshop.settle();
  expect(await offers(workshop, tenantId)).toEqual(["incomplete"]);
});

test("S52: a page that is paid in the very moment is what counts, and nothing is made beside it", async ({
  workshop,
}) => {
  const { tenantId, url, customer } = await lookingAtPage(workshop);
  await workshop.pool.query(RENEW, [tenantId]);
  await workshop.settle(
    beforeClosing(workshop, () => press(url, { step: "pay", card: "pm_card_visa" })),
  );
  await sync(workshop, customer);
  expect(await offers(workshop, tenantId)).toEqual(["active"]);
  expect(await openAlarms(workshop, tenantId)).toEqual([]);
});

test("S47: a page whose closing ends in 500, done or not, is closed for one offer", async ({
  workshop,
}) => {
  for (const kind of ["500_before", "500_after", "reset_after", "429_lock_timeout"]) {
    const { tenantId, customer } = await lookingAtPage(workshop);
    const { data } = await workshop.stripe.checkout.sessions.list({ customer, status: "open" });
    const path = `/v1/checkout/sessions/${data[0]?.id}/expire`;
    await workshop.control("faults", { kind, method: "POST", path });
    await workshop.pool.query(RENEW, [tenantId]);
    await workshop.settle();
    expect(await offers(workshop, tenantId)).toEqual(["incomplete"]);
  }
});

test("S52: while a page is being made nobody provisions, and whoever asks for one at once waits", async ({
  workshop,
}) => {
  const { database, pool } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  await workshop.stripe.subscriptions.cancel(subscriptions[0]?.id ?? "");
  await sync(workshop, customers[0]?.id ?? "");

  // The operator first: the owner's request is booked after the wish is there, and sees it.
  await withClient(database.urls.superuser, async (operator) => {
    await operator.query("begin");
    await operator.query(RENEW, [tenantId]);
    const asked = askAsOwner(workshop, tenantId, CHECKOUT);
    await withClient(database.urls.superuser, waitForLock);
    await operator.query("commit");
    await asked;
  });
  // The owner first: the operator is told.
  expect(await codeOf(pool.query(RENEW, [tenantId]))).toBe("CNFLT");
  await workshop.settle();
  expect(await offers(workshop, tenantId)).toEqual(["page"]);
});

test("a page that nobody could make within an hour is in nobody's way any more", async ({
  workshop,
}) => {
  const { database, pool } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers, subscriptions } = await workshop.atStripe(tenantId);
  await workshop.stripe.subscriptions.cancel(subscriptions[0]?.id ?? "");
  await sync(workshop, customers[0]?.id ?? "");
  const request = await askAsOwner(workshop, tenantId, CHECKOUT);
  // Somebody dismissed its job.
  await withClient(database.urls.superuser, (client) =>
    client.query("delete from graphile_worker._private_jobs where key = 'billing_request:' || $1", [
      request,
    ]),
  );
  const age = (minutes: number) =>
    withClient(database.urls.superuser, (client) =>
      client.query(
        `update app_public.billing_requests set created_at = now() - make_interval(mins => $2)
        where id = $1`,
        [request, minutes],
      ),
    );
  await age(59);
  expect(await codeOf(pool.query(RENEW, [tenantId]))).toBe("CNFLT");
  await age(61);
  await pool.query(RENEW, [tenantId]);
  await workshop.settle();
  expect(await offers(workshop, tenantId)).toEqual(["incomplete"]);
});

test("a subscription that was found, not made, is not cancelled where another counts", async ({
  workshop,
}) => {
  const { pool } = workshop;
  const tenantId = await workshop.found();
  await workshop.settle();
  const { id } = await rowOf<{ id: string }>(
    pool,
    "select id from app_private.billing_intents where tenant_id = $1",
    [tenantId],
  );
  const record = (found: string, isIntents: boolean) =>
    pool.query("select app_private.record_intent_subscription($1, $2, $3, $4)", [
      tenantId,
      id,
      found,
      isIntents,
    ]);
  const discarded = () =>
    rowsOf(pool, "select key from graphile_worker._private_jobs where key like 'stripe_discard:%'");
  await record("sub_paid", false);
  expect(await discarded()).toEqual([]);
  await record("sub_double", true);
  expect(await discarded()).toEqual([{ key: "stripe_discard:sub_double" }]);
});
