import type { Stripe } from "stripe";

import { expect } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { withClient } from "../support/server.ts";
import { test, type Workshop } from "../support/tasks.ts";

type Result = { listed: number; missed: number };

/** Polls as the clock does, lets what was booked run, and returns what was found. */
async function poll(workshop: Workshop): Promise<Result> {
  await workshop.pool.query("select app_private.request_poll()");
  await workshop.settle();
  const { result } = await rowOf<{ result: Result }>(
    workshop.pool,
    `select result from app_private.stripe_checks
    where kind = 'poll' and finished_at is not null order by started_at desc limit 1`,
  );
  return result;
}

function asSuperuser<T>({ database }: Workshop, sql: string, values: unknown[] = []): Promise<T[]> {
  return withClient(database.urls.superuser, (client) => rowsOf<T & object>(client, sql, values));
}

/** A tenant that is provisioned, and has paid without anybody telling us. */
async function paidUnheard(workshop: Workshop): Promise<{ tenantId: string; customer: string }> {
  const tenantId = await workshop.found();
  await workshop.settle();
  const { customers } = await workshop.atStripe(tenantId);
  const customer = customers[0]?.id ?? "";
  const { data } = await workshop.stripe.paymentIntents.list({ customer });
  await workshop.stripe.paymentIntents.confirm(data[0]?.id ?? "", {
    payment_method: "pm_card_visa",
  });
  return { tenantId, customer };
}

async function accessOf(workshop: Workshop, tenantId: string): Promise<string | undefined> {
  const [tenant] = await asSuperuser<{ access: string }>(
    workshop,
    "select access from app_public.tenants where id = $1",
    [tenantId],
  );
  return tenant?.access;
}

async function eventIds(stripe: Stripe): Promise<string[]> {
  const events = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 });
  return events.map(({ id }) => id).toSorted();
}

test("S59: what no webhook brought is found by the poll, once, and is applied", async ({
  workshop,
}) => {
  const { tenantId } = await paidUnheard(workshop);
  expect(await accessOf(workshop, tenantId)).toBe("none");

  const first = await poll(workshop);
  expect(first.missed).toBeGreaterThan(0);
  expect(await accessOf(workshop, tenantId)).toBe("full");
  const kept = await asSuperuser<{ id: string; status: string }>(
    workshop,
    'select id, status from app_private.stripe_events order by id collate "C"',
  );
  expect(kept.map(({ id }) => id)).toEqual(await eventIds(workshop.stripe));
  // Stripe lists all there are; nobody is told of those that no webhook had to bring.
  expect(first.missed).toBe(kept.filter(({ status }) => status !== "ignored").length);
  expect(first.missed).toBeLessThan(first.listed);

  // The window overlaps: the same events are listed again, and none is taken for new.
  expect(await poll(workshop)).toEqual({ listed: first.listed, missed: 0 });
});

test("S59: after an outage of two days the poll looks back as far as its last end", async ({
  workshop,
}) => {
  await poll(workshop);
  await asSuperuser(
    workshop,
    `update app_private.stripe_checks set
      started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'`,
  );
  await workshop.pool.query("delete from app_private.stripe_checks where finished_at is null");
  const { tenantId } = await paidUnheard(workshop);
  // One that began and was cut short moves nothing.
  await workshop.pool.query("select app_private.begin_stripe_check('poll')");
  let since: unknown;
  const { stripe } = workshop.options;
  const watched: typeof stripe = Object.create(stripe);
  const events: typeof stripe.events = Object.create(stripe.events);
  events.list = (params) => {
    since = params?.created;
    return stripe.events.list(params);
  };
  watched.events = events;
  await workshop.pool.query("select app_private.request_poll()");
  await workshop.settle({ stripe: watched });
  const now = Date.now() / 1000;
  expect(since).toEqual({ gte: expect.closeTo(now - 49 * 3600, -2) });
  expect(await accessOf(workshop, tenantId)).toBe("full");
});

test("an event of Stripe's other mode is not taken for ours", async ({ workshop }) => {
  await poll(workshop);
  await workshop.stripe.customers.create({ name: "Later" });
  await workshop.pool.query("select app_private.request_poll()");
  await workshop.settle({ ours: { livemode: true, accountId: undefined } });
  expect(
    await asSuperuser(
      workshop,
      "select status from app_private.stripe_events where status = 'ignored_mode'",
    ),
  ).toHaveLength(1);
});
