import { stripeCheckEndpoint } from "../../tasks/stripe_check_endpoint.ts";
import { expect } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const URL = "https://app.example.com/webhooks/stripe";
const HOUR = 3600;

async function check({ options, helpers }: Workshop, stripe = options.stripe): Promise<void> {
  await stripeCheckEndpoint({ stripe, webhookUrl: URL })({}, helpers);
}

async function openAlarms({ pool }: Workshop, kind: string): Promise<unknown[]> {
  const alarms = await rowsOf<{ message: string }>(
    pool,
    "select message from app_private.alarms where kind = $1 and subject = $2 and resolved_at is null",
    [kind, URL],
  );
  return alarms.map(({ message }) => message);
}

/** The SDK, whose webhook endpoints are as `change` makes them. */
function reporting({ stripe }: Workshop["options"], change: object): Workshop["options"]["stripe"] {
  const changed: typeof stripe = Object.create(stripe);
  const endpoints: typeof stripe.webhookEndpoints = Object.create(stripe.webhookEndpoints);
  endpoints.list = (params) => {
    const list = stripe.webhookEndpoints.list(params);
    const readAll = list.autoPagingToArray.bind(list);
    list.autoPagingToArray = async (limits) =>
      (await readAll(limits)).map((endpoint) => ({ ...endpoint, ...change }));
    return list;
  };
  changed.webhookEndpoints = endpoints;
  return changed;
}

test("an endpoint of another address is as good as none", async ({ workshop }) => {
  const { id } = await workshop.stripe.webhookEndpoints.create({
    url: "https://elsewhere.example.com/webhooks/stripe",
    enabled_events: ["*"],
  });
  await check(workshop);
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([
    expect.stringContaining("no webhook endpoint with this URL"),
  ]);
  await workshop.stripe.webhookEndpoints.del(id);
});

test("an endpoint that is there, enabled and of our version resolves the alarm", async ({
  workshop,
}) => {
  const { id } = await workshop.stripe.webhookEndpoints.create({ url: URL, enabled_events: ["*"] });
  await check(workshop);
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([]);

  await check(workshop, reporting(workshop.options, { status: "disabled" }));
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([
    expect.stringContaining("has disabled"),
  ]);
  await check(workshop, reporting(workshop.options, { api_version: "2024-12-18.acacia" }));
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([
    expect.stringContaining("2024-12-18.acacia"),
  ]);
  await check(workshop, reporting(workshop.options, { enabled_events: ["invoice.paid"] }));
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([
    expect.stringMatching(/does not send .*customer\.subscription\.updated/),
  ]);
  await check(workshop, reporting(workshop.options, { api_version: null }));
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([
    expect.stringContaining("of the account"),
  ]);
  await check(workshop, reporting(workshop.options, { api_version: "2026-11-30.endive" }));
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([]);
  await workshop.stripe.webhookEndpoints.del(id);
});

test("a destination of thin events is an endpoint too", async ({ workshop }) => {
  await workshop.stripe.v2.core.eventDestinations.create({
    enabled_events: ["*"],
    event_payload: "thin",
    name: "ours",
    type: "webhook_endpoint",
    webhook_endpoint: { url: URL },
  });
  await check(workshop);
  expect(await openAlarms(workshop, "webhook_endpoint")).toEqual([]);
});

test("an event that has not arrived for an hour raises an alarm, until it has", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { id } = await stripe.webhookEndpoints.create({
    url: "http://127.0.0.1:9/closed",
    enabled_events: ["customer.created"],
  });
  const now = Math.floor(Date.now() / 1000);
  await stripe.customers.create({});
  await check(workshop);
  expect(await openAlarms(workshop, "webhook_undelivered")).toEqual([]);

  const [event] = (await stripe.events.list({ limit: 1 })).data;
  const older: typeof stripe.events = Object.create(stripe.events);
  let asked: unknown;
  // Stripe's clock can't be set back: the list is asked for what is an hour younger.
  older.list = (params) => {
    asked = params?.created;
    return stripe.events.list({ ...params, created: { gte: (event?.created ?? 0) - HOUR } });
  };
  const aged: typeof stripe = Object.create(workshop.options.stripe);
  aged.events = older;
  await check(workshop, aged);
  expect(await openAlarms(workshop, "webhook_undelivered")).toHaveLength(1);
  expect(asked).toEqual({
    gte: expect.closeTo(now - 72 * HOUR, -1),
    lt: expect.closeTo(now - HOUR, -1),
  });

  await stripe.webhookEndpoints.del(id);
  await workshop.control("reset", {});
  await check(workshop);
  expect(await openAlarms(workshop, "webhook_undelivered")).toEqual([]);
});
