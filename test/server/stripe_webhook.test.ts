import { gzipSync } from "node:zlib";

import { describe, expect, withDatabase } from "../support/index.ts";
import { withSystem } from "../support/system.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { makeEvent, sendWebhook, signHeader } from "../support/webhooks.ts";

const json = (value: unknown) => JSON.stringify(value);
const now = () => Math.floor(Date.now() / 1000);

/** The stored event with the jobs booked for it. */
const STORED = `
  select
    events.id, events.type, events.customer_id, events.livemode, events.status,
    events.payload::text as payload,
    (
      select count(*)::integer
      from graphile_worker.jobs
      where jobs.key = 'stripe_event:' || events.id
      and jobs.task_identifier = 'stripe_process_event'
    ) as jobs
  from app_private.stripe_events as events
  where events.id = $1`;

describe("a signed event", () => {
  test("is stored as it was sent and booked once", async ({ system, admin }) => {
    const event = makeEvent();
    const payload = JSON.stringify(event, null, 2);
    const answer = await sendWebhook(system, payload);
    expect(answer).toMatchObject({ status: 200, body: { received: true, status: "pending" } });
    const { rows } = await admin.query(STORED, [event.id]);
    expect(rows).toEqual([
      {
        id: event.id,
        type: "invoice.paid",
        customer_id: "cus_nobody",
        livemode: false,
        status: "pending",
        payload,
        jobs: 1,
      },
    ]);
  });

  test("delivered many times at once makes one row and one job, and every answer is 200", async ({
    system,
    admin,
  }) => {
    const event = makeEvent();
    const before = await countRows(admin);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => sendWebhook(system, json(event))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    const said = answers.map(({ body }) => Reflect.get(body as object, "status") as string);
    expect(said.toSorted()).toEqual([...Array.from({ length: 11 }, () => "duplicate"), "pending"]);
    expect(await countRows(admin)).toEqual({
      ...before,
      "app_private.stripe_events": (before["app_private.stripe_events"] ?? 0) + 1,
      "graphile_worker._private_jobs": (before["graphile_worker._private_jobs"] ?? 0) + 1,
    });
  });

  test.for([
    ["of the other mode", { livemode: true }, "ignored_mode"],
    ["of a type that nobody asked for", { type: "radar.early_fraud_warning.created" }, "ignored"],
    ["about no customer", { data: { object: { object: "invoice", id: "in_2" } } }, "ignored"],
  ] as const)("%s is kept, ignored and not booked", async ([, more, status], { system, admin }) => {
    const event = makeEvent(more);
    const answer = await sendWebhook(system, json(event));
    expect(answer).toMatchObject({ status: 200, body: { received: true, status } });
    const { rows } = await admin.query(STORED, [event.id]);
    expect(rows).toMatchObject([{ id: event.id, status, jobs: 0 }]);
  });

  test.for([
    [
      "whose customer is expanded",
      { data: { object: { object: "invoice", customer: { id: "cus_x", object: "customer" } } } },
      "cus_x",
    ],
    [
      "about a customer",
      { type: "customer.updated", data: { object: { object: "customer", id: "cus_y" } } },
      "cus_y",
    ],
    [
      "about an invoice to come, which has no id",
      { type: "invoice.upcoming", data: { object: { object: "invoice", customer: "cus_z" } } },
      "cus_z",
    ],
  ] as const)("%s is booked for that customer", async ([, more, customer], { system, admin }) => {
    const event = makeEvent(more);
    expect((await sendWebhook(system, json(event))).status).toBe(200);
    const { rows } = await admin.query(STORED, [event.id]);
    expect(rows).toMatchObject([{ customer_id: customer, status: "pending", jobs: 1 }]);
  });

  test("of 300 KB is taken, and of more than a megabyte refused", async ({ system, admin }) => {
    const event = makeEvent({ padding: "x".repeat(300 * 1024) });
    expect((await sendWebhook(system, json(event))).status).toBe(200);
    const before = await countRows(admin);
    const huge = await sendWebhook(system, json(makeEvent({ padding: "x".repeat(1024 * 1024) })));
    expect(huge).toMatchObject({
      status: 413,
      body: { errors: [{ extensions: { code: "BAD_USER_INPUT" } }] },
    });
    expect(await countRows(admin)).toEqual(before);
  });
});

describe("nothing is stored when", () => {
  const event = () => json(makeEvent());
  const forged = "0".repeat(64);

  test.for<[string, (payload: string, secret: string) => string]>([
    ["another secret signed", (payload) => signHeader(payload, "whsec_other")],
    ["an empty secret signed", (payload) => signHeader(payload, "")],
    [
      "it was signed 301 seconds ago",
      (payload, secret) => signHeader(payload, secret, { at: now() - 301 }),
    ],
    [
      "it was signed a day ahead",
      (payload, secret) => signHeader(payload, secret, { at: now() + 86_400 }),
    ],
    ["another body was signed", (payload, secret) => signHeader(`${payload} `, secret)],
    ["the signature is forged", () => `t=${now()},v1=${forged}`],
    [
      "the signature is of the old scheme only",
      (payload, secret) => signHeader(payload, secret).replace("v1=", "v0="),
    ],
    [
      "the time was changed",
      (payload, secret) => signHeader(payload, secret).replace(/t=\d+/, `t=${now() - 1}`),
    ],
    [
      "a second time is named",
      (payload, secret) => `t=${now() + 5},${signHeader(payload, secret, { at: now() - 400 })}`,
    ],
    ["there is no time", (payload, secret) => signHeader(payload, secret).replace(/t=\d+,/, "")],
    ["there is no signature", () => ""],
    ["the header is garbage", () => ",,,=,t=,v1"],
  ])("%s", async ([, sign], { system, admin }) => {
    const before = await countRows(admin);
    const payload = event();
    const signature = sign(payload, system.webhookSecret);
    const answer = await sendWebhook(system, payload, { signature });
    expect(answer).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: "BAD_USER_INPUT" } }] },
    });
    expect(await countRows(admin)).toEqual(before);
  });

  test("the body was parsed and written anew on its way", async ({ system, admin }) => {
    const before = await countRows(admin);
    const payload = JSON.stringify(makeEvent(), null, 2);
    const signature = signHeader(payload, system.webhookSecret);
    const answer = await sendWebhook(system, json(JSON.parse(payload)), { signature });
    expect(answer.status).toBe(400);
    expect(await countRows(admin)).toEqual(before);
  });

  test("the body is compressed", async ({ system, admin }) => {
    const before = await countRows(admin);
    const payload = event();
    const response = await fetch(`${system.url}/webhooks/stripe`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "stripe-signature": signHeader(payload, system.webhookSecret),
      },
      body: gzipSync(payload),
    });
    expect(response.status).toBe(415);
    expect(await countRows(admin)).toEqual(before);
  });

  test("the id holds a NUL, or the payload does", async ({ system, admin }) => {
    const before = await countRows(admin);
    for (const payload of [
      json(makeEvent({ id: "evt_\u0000" })),
      json(makeEvent({ type: "a\u0000" })),
    ]) {
      expect((await sendWebhook(system, payload)).status).toBe(400);
    }
    expect(await countRows(admin)).toEqual(before);
  });

  test("the database can't book the job: neither row nor job, and Stripe is told to try again", async ({
    system,
    admin,
  }) => {
    const payload = event();
    const before = await countRows(admin);
    await admin.query("revoke execute on all functions in schema graphile_worker from app_definer");
    const failed = await sendWebhook(system, payload);
    await admin.query("grant execute on all functions in schema graphile_worker to app_definer");
    expect(failed.status).toBeGreaterThanOrEqual(500);
    expect(await countRows(admin)).toEqual(before);
    // The same delivery, tried again, is not taken for a duplicate.
    expect(await sendWebhook(system, payload)).toMatchObject({
      status: 200,
      body: { status: "pending" },
    });
  });
});

test("while a secret is rotated, either of the two is good", async () => {
  await withDatabase("migrated", async (database) => {
    const stripeWebhookSecrets = ["whsec_new", "whsec_old"];
    await withSystem(
      database,
      { worker: false, config: { stripeWebhookSecrets } },
      async (system) => {
        for (const secret of stripeWebhookSecrets) {
          expect((await sendWebhook(system, json(makeEvent()), { secret })).status).toBe(200);
        }
        const other = await sendWebhook(system, json(makeEvent()), { secret: "whsec_other" });
        expect(other.status).toBe(400);
      },
    );
  });
});
