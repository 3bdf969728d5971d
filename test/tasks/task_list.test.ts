import { parseCrontab, type JobHelpers } from "graphile-worker";
import { Stripe } from "stripe";

import { CRONTAB } from "../../tasks/crontab.ts";
import { makeTaskList } from "../../tasks/index.ts";
import { expect, test } from "../support/index.ts";
import { schemaFiles } from "../support/schema.ts";

// Nothing listens there: a task that called Stripe on a bad payload would fail in another way.
const stripe = new Stripe("sk_test_x", { host: "127.0.0.1", port: 1, protocol: "http" });
const tasks = makeTaskList({
  stripe,
  configuredPrices: {},
  ours: { livemode: false, accountId: undefined },
  webhookUrl: "https://app.example.com/webhooks/stripe",
  gracePeriodDays: 14,
  mailer: { send: () => Promise.reject(new Error("A mail was sent")) },
  appUrl: "https://app.example.com",
});

/** These do the same whatever they are handed: they look at everything there is. */
const BARE = new Set([
  "check_seats",
  "stripe_check_endpoint",
  "stripe_poll_events",
  "stripe_prune_events",
  "stripe_reconcile",
  "stripe_sync_catalog",
  "stripe_tend_events",
]);

test("what db/ enqueues and the clock does are exactly the tasks there are", async () => {
  const enqueued = new Set(parseCrontab(CRONTAB).map(({ task }) => task));
  for (const text of (await schemaFiles()).values()) {
    for (const [, name = ""] of text.matchAll(/add_job\(\s*'([^']*)'/g)) enqueued.add(name);
    // A name that is worked out could not be compared.
    expect(text).not.toMatch(/add_job\(\s*[^'\s]/);
  }
  expect([...enqueued].toSorted()).toEqual(Object.keys(tasks).toSorted());
});

const NOBODY = "00000000-0000-7000-8000-000000000000";

const BAD = [
  null,
  "text",
  [],
  {},
  { tenant_id: null, event_id: null, customer_id: null },
  { tenant_id: 1, event_id: 1, customer_id: 1 },
  { tenant_id: "", event_id: "", customer_id: "" },
  { tenant_id: "not-a-uuid", event_id: "cus_1", customer_id: "evt_1" },
  { kind: "__proto__", user_id: NOBODY, url: "https://example.com" },
  { kind: "verify_email", user_id: "not-a-uuid", url: "https://example.com" },
  { kind: "verify_email", user_id: NOBODY, url: "javascript:alert(1)" },
  { kind: "verify_email", user_id: NOBODY, url: ["https://example.com"] },
  { tenant_id: "x' or true", event_id: "evt_'1", customer_id: "cus_1/../../v1" },
  {
    tenant_id: [NOBODY],
    event_id: ["evt_1"],
    customer_id: ["cus_1"],
  },
  {
    tenant_id: "0".repeat(300),
    event_id: `evt_${"x".repeat(300)}`,
    customer_id: `cus_${"x".repeat(300)}`,
  },
];

test.for(Object.entries(tasks).filter(([name]) => !BARE.has(name)))(
  "%s refuses a payload that is not what it was promised",
  async ([, task]) => {
    const helpers = {
      query: () => {
        throw new Error("The database was asked");
      },
    } as unknown as JobHelpers;
    const run = task as (payload: unknown, helpers: JobHelpers) => Promise<unknown>;
    for (const payload of BAD) {
      await expect(run(payload, helpers), JSON.stringify(payload)).rejects.toThrow(
        /^"\w+" must be a/,
      );
    }
  },
);
