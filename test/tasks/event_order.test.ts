/** Webhooks that arrive out of order, doubled and late, each over HTTP when the test says. */
import fc from "fast-check";
import type { TaskList } from "graphile-worker";
import type pg from "pg";
import { pino } from "pino";
import type Stripe from "stripe";

import { idOf } from "../../dev/stripe/store.ts";
import { makePool } from "../../server/database.ts";
import { makeTaskList } from "../../tasks/index.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { DAY, standing } from "../support/billing.ts";
import { expect, test as base, withClient, type TestDatabase } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { runJobs } from "../support/run_jobs.ts";
import { withSystem, type System } from "../support/system.ts";
import { atStripe, foundTenant } from "../support/tenant_life.ts";

type Post = System & {
  database: TestDatabase;
  /** Runs the jobs that are due. */
  work(): Promise<void>;
  /** What Stripe sends of an event; it keeps everything back otherwise. */
  deliver(event: Stripe.Event | undefined): Promise<void>;
};

const test = base.extend<{ $file: { post: Post } }>({
  post: [
    async ({ database }, use) => {
      await withSystem(database, { worker: false }, async (system) => {
        await atStripe(system, "webhooks", { mode: "hold" });
        const pool = makePool({
          connectionString: database.urls.worker,
          applicationName: "test-events",
          role: "app_worker",
          logger: pino({ level: "silent" }),
        });
        try {
          await use(post(database, system, pool));
        } finally {
          await pool.end();
        }
      });
    },
    { scope: "file" },
  ],
});

function post(database: TestDatabase, system: System, pool: pg.Pool): Post {
  const taskList: TaskList = makeTaskList({
    stripe: makeStripe({ secretKey: "sk_test_events", apiBase: new URL(system.stripeUrl) }),
    configuredPrices: {},
    gracePeriodDays: 14,
    mailer: { send: async () => undefined },
    appUrl: system.url,
  });
  return {
    ...system,
    database,
    work: () => runJobs(database, pool, taskList),
    async deliver(event) {
      const answer = await atStripe(system, "deliveries/redeliver", { event: event?.id ?? "" });
      expect(answer).toMatchObject({ deliveries: [{ status: 200 }] });
    },
  };
}

type Tenant = { tenantId: string; customer: string; subscription: string };

/** A tenant that waits for its first payment, of which no webhook has arrived. */
async function newTenant(running: Post): Promise<Tenant> {
  const { tenantId } = await foundTenant(running, { name: "Acme", person: "Alice" });
  await running.work();
  const { data } = await running.stripe.subscriptions.search({
    query: `metadata['tenant_id']:'${tenantId}'`,
  });
  return { tenantId, customer: idOf(data[0]?.customer ?? ""), subscription: data[0]?.id ?? "" };
}

/** What Stripe has told of a customer's subscriptions and invoices, oldest first. */
async function eventsOf({ stripe }: Post, { customer }: Tenant): Promise<Stripe.Event[]> {
  const all = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 5000 });
  const isTheirs = ({ type, data: { object } }: Stripe.Event) =>
    /^(customer\.subscription|invoice)\./.test(type) &&
    "customer" in object &&
    object.customer === customer;
  return all.filter(isTheirs).toReversed();
}

/** Everything that we hold of a tenant's billing. */
async function held({ database }: Post, { tenantId }: Tenant) {
  return withClient(database.urls.superuser, async (client) => ({
    standing: await standing(client, tenantId),
    subscriptions: await rowsOf(
      client,
      "select * from app_private.stripe_subscriptions where tenant_id = $1 order by id",
      [tenantId],
    ),
    invoices: await rowsOf(
      client,
      "select * from app_public.invoices where tenant_id = $1 order by id",
      [tenantId],
    ),
  }));
}

/** As if nothing of the tenant's customer had ever arrived. */
async function forget({ database }: Post, { tenantId, customer }: Tenant): Promise<void> {
  await withClient(database.urls.superuser, async (client) => {
    await client.query("delete from app_private.stripe_events where customer_id = $1", [customer]);
    for (const sql of [
      "delete from app_private.stripe_subscriptions where tenant_id = $1",
      "delete from app_public.invoices where tenant_id = $1",
      "update app_private.stripe_customers set sync_seq = 0 where tenant_id = $1",
      `update app_public.tenants set
        status = 'provisioning', access = 'none', access_reason = 'provisioning',
        current_period_start = null, current_period_end = null, cancel_at = null,
        grace_ends_at = null, access_until = null
      where id = $1`,
    ]) {
      await client.query(sql, [tenantId]);
    }
  });
}

async function pay({ stripe }: Post, { customer }: Tenant): Promise<void> {
  const { data } = await stripe.paymentIntents.list({ customer });
  const waiting = data.find(({ status }) => status !== "succeeded");
  await stripe.paymentIntents.confirm(waiting?.id ?? "", { payment_method: "pm_card_visa" });
}

/** The system has to start, and each run is a whole life. */
const PATIENCE = { timeout: 60_000 };

test(
  "S15: what tells of the payment comes before what tells of the beginning: it makes the row, and stays",
  PATIENCE,
  async ({ post: running }) => {
    const tenant = await newTenant(running);
    await pay(running, tenant);
    await forget(running, tenant);
    const events = await eventsOf(running, tenant);
    const of = (type: string) => events.findLast((event) => event.type === type);
    await running.deliver(of("customer.subscription.updated"));
    await running.work();
    const first = await held(running, tenant);
    expect(first.standing).toMatchObject({ status: "active", access: "full" });
    await running.deliver(of("customer.subscription.created"));
    await running.work();
    expect(await held(running, tenant)).toEqual(first);
  },
);

test("S16: what tells of the end comes before what tells of a change: it has ended", async ({
  post: running,
}) => {
  const { stripe, deliver, work } = running;
  const tenant = await newTenant(running);
  await pay(running, tenant);
  await stripe.subscriptions.update(tenant.subscription, { cancel_at_period_end: true });
  await stripe.subscriptions.cancel(tenant.subscription);
  const events = await eventsOf(running, tenant);
  for (const type of ["customer.subscription.deleted", "customer.subscription.updated"]) {
    await deliver(events.findLast((event) => event.type === type));
    await work();
    const { standing: stands } = await held(running, tenant);
    expect(stands).toMatchObject({ status: "suspended", access: "none" });
  }
});

/** A subscription's life; each step makes events. */
const LIFE: readonly ((running: Post, tenant: Tenant) => Promise<unknown>)[] = [
  pay,
  async ({ stripe }, { subscription }) => {
    const { items } = await stripe.subscriptions.retrieve(subscription);
    const { data } = await stripe.prices.list({ lookup_keys: ["enterprise_month"] });
    const item = { id: items.data[0]?.id ?? "", price: data[0]?.id ?? "" };
    return stripe.subscriptions.update(subscription, { items: [item] });
  },
  (running, { subscription }) =>
    atStripe(running, `subscriptions/${subscription}/renew`, { outcome: "fail" }),
  pay,
  ({ stripe }, { subscription }) =>
    stripe.subscriptions.update(subscription, {
      cancel_at: Math.floor(Date.now() / 1000) + 90 * DAY,
    }),
  ({ stripe }, { subscription }) => stripe.subscriptions.cancel(subscription),
];

test(
  "S18: any shuffling and doubling of a life's events ends as the events in order do",
  PATIENCE,
  async ({ post: running }) => {
    const { deliver, work } = running;
    const order = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: LIFE.length }),
        // After each step: which of the events so far arrive (again), and whether jobs run.
        fc.array(fc.tuple(fc.array(order, { maxLength: 4 }), fc.boolean()), {
          minLength: LIFE.length,
          maxLength: LIFE.length,
        }),
        fc.array(order, { minLength: 30, maxLength: 30 }),
        async (steps, arrivals, last) => {
          const tenant = await newTenant(running);
          for (const [n, step] of LIFE.slice(0, steps).entries()) {
            await step(running, tenant);
            const [picks, works] = arrivals[n] ?? [[], false];
            const sofar = picks.length === 0 ? [] : await eventsOf(running, tenant);
            for (const pick of picks) await deliver(sofar[Math.floor(pick * (sofar.length - 1))]);
            if (works) await work();
          }
          const events = await eventsOf(running, tenant);
          const shuffled = events
            .map((event, n) => ({ event, at: last[n % last.length] ?? 0 }))
            .toSorted((one, other) => one.at - other.at);
          for (const { event } of shuffled) await deliver(event);
          await work();
          const actual = await held(running, tenant);

          await forget(running, tenant);
          for (const event of events) await deliver(event);
          await work();
          expect(actual).toEqual(await held(running, tenant));
        },
      ),
      { numRuns: 3 },
    );
  },
);
