import { pino } from "pino";

import { describe, expect, waitUntil, withDatabase } from "../support/index.ts";
import { openAlarms } from "../support/inbox.ts";
import { withSystem, type System } from "../support/system.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { makeEvent, sendRawWebhook, sendWebhook, signHeader } from "../support/webhooks.ts";

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

  test("S1: delivered many times at once makes one row and one job, and every answer is 200", async ({
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

  test("S8: of the other mode is answered with 200, not worked, and raises an alarm", async ({
    system,
    admin,
  }) => {
    const event = makeEvent({ livemode: true });
    const answer = await sendWebhook(system, json(event));
    expect(answer).toMatchObject({ status: 200, body: { status: "ignored_mode" } });
    const { rows } = await admin.query(STORED, [event.id]);
    expect(rows).toMatchObject([{ id: event.id, status: "ignored_mode", jobs: 0 }]);
    expect(await openAlarms(admin)).toEqual([
      { kind: "stripe_mode_mismatch", subject: "live", times: 1 },
    ]);
  });

  test.for([
    "radar.review.opened",
    "v2.core.event_destination.ping",
    "v2.core.account[requirements].updated",
    "a.type-to:come",
  ])(
    "S10: of type %s, which nothing is done about, is kept and ignored",
    async (type, { system, admin }) => {
      const event = makeEvent({ type });
      const answer = await sendWebhook(system, json(event));
      expect(answer).toMatchObject({ status: 200, body: { received: true, status: "ignored" } });
      const { rows } = await admin.query(STORED, [event.id]);
      expect(rows).toMatchObject([{ id: event.id, status: "ignored", jobs: 0 }]);
    },
  );

  test("S60: of a connected account is kept and left alone", async ({ system, admin }) => {
    const event = makeEvent({ account: "acct_connected" });
    const answer = await sendWebhook(system, json(event));
    expect(answer).toMatchObject({ status: 200, body: { received: true, status: "foreign" } });
    const { rows } = await admin.query(STORED, [event.id]);
    expect(rows).toMatchObject([{ id: event.id, status: "foreign", jobs: 0 }]);
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
      "S11: about an invoice to come, which has no id,",
      { type: "invoice.upcoming", data: { object: { object: "invoice", customer: "cus_z" } } },
      "cus_z",
    ],
    [
      "S12: about a summary of entitlements, which has no id,",
      {
        type: "entitlements.active_entitlement_summary.updated",
        data: {
          object: { object: "entitlements.active_entitlement_summary", customer: "cus_e" },
          previous_attributes: { entitlements: { object: "list", data: [] } },
        },
      },
      "cus_e",
    ],
    [
      "about a card taken off a customer",
      {
        type: "payment_method.detached",
        data: {
          object: { object: "payment_method", id: "pm_1", customer: null },
          previous_attributes: { customer: "cus_w" },
        },
      },
      "cus_w",
    ],
  ] as const)("%s is booked for that customer", async ([, more, customer], { system, admin }) => {
    const event = makeEvent(more);
    expect((await sendWebhook(system, json(event))).status).toBe(200);
    const { rows } = await admin.query(STORED, [event.id]);
    expect(rows).toMatchObject([{ customer_id: customer, status: "pending", jobs: 1 }]);
  });

  test("S14: of 300 KB and in any script is taken, and of more than a megabyte refused", async ({
    system,
    admin,
  }) => {
    const event = makeEvent({ padding: "é日🦊".repeat(34 * 1024) });
    const payload = json(event);
    expect((await sendWebhook(system, payload)).status).toBe(200);
    expect((await admin.query(STORED, [event.id])).rows).toMatchObject([{ payload, jobs: 1 }]);
    const before = await countRows(admin);
    const huge = await sendWebhook(system, json(makeEvent({ padding: "x".repeat(1024 * 1024) })));
    expect(huge).toMatchObject({
      status: 413,
      body: { errors: [{ extensions: { code: "BAD_USER_INPUT" } }] },
    });
    expect(await countRows(admin)).toEqual(before);
  });
});

test("S14: what Stripe signed is taken, whatever it is called", async ({ system }) => {
  for (const type of ["text/plain", "application/octet-stream", undefined]) {
    const payload = json(makeEvent());
    const answer = await sendRawWebhook(system, payload, {
      "stripe-signature": signHeader(payload, system.webhookSecret),
      ...(type === undefined ? {} : { "content-type": type }),
    });
    expect(answer).toBe(200);
  }
});

test("S7: an event of two days ago that is sent again now is taken", async ({ system }) => {
  const payload = json(makeEvent({ created: now() - 2 * 86_400 }));
  expect((await sendWebhook(system, payload)).status).toBe(200);
});

test("S14: neither secrets nor signatures nor bodies are logged", async () => {
  const lines: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  await withDatabase("migrated", (database) =>
    withSystem(database, { worker: false, logger }, async (system) => {
      const payload = json(makeEvent());
      const signature = signHeader(payload, system.webhookSecret);
      expect((await sendWebhook(system, payload, { signature })).status).toBe(200);
      const forged = signature.replace(/v1=.*/, `v1=${"0".repeat(64)}`);
      expect((await sendWebhook(system, payload, { signature: forged })).status).toBe(400);
      const log = await waitUntil(() => {
        const text = lines.join("");
        return text.includes('"statusCode":200') && text.includes('"statusCode":400') && text;
      });
      for (const secret of [system.webhookSecret, signature.slice(-64), "cus_nobody"]) {
        expect(log).not.toContain(secret);
      }
    }),
  );
});

test("S4, S5: of two secrets either is good", async () => {
  await withSecrets(["whsec_new", "whsec_old"], async (system) => {
    for (const secret of ["whsec_new", "whsec_old"]) {
      expect((await sendWebhook(system, json(makeEvent()), { secret })).status).toBe(200);
    }
    const other = await sendWebhook(system, json(makeEvent()), { secret: "whsec_other" });
    expect(other.status).toBe(400);
  });
});

test.for([
  ["new", "old"],
  ["old", "new"],
] as const)(
  "S4: of two signatures the %s secret's is enough, and the %s one's alone is not",
  async ([held, other]) => {
    await withSecrets([`whsec_${held}`], async (system) => {
      const payload = json(makeEvent());
      const at = now();
      const [first, second] = ["whsec_old", "whsec_new"].map((secret) =>
        signHeader(payload, secret, { at }),
      );
      const both = `${first},${second?.replace(/^t=\d+,/, "")}`;
      expect((await sendWebhook(system, payload, { signature: both })).status).toBe(200);
      const alone = sendWebhook(system, json(makeEvent()), { secret: `whsec_${other}` });
      expect((await alone).status).toBe(400);
    });
  },
);

function withSecrets(
  stripeWebhookSecrets: readonly string[],
  use: (system: System) => Promise<void>,
): Promise<void> {
  return withDatabase("migrated", (database) =>
    withSystem(database, { worker: false, config: { stripeWebhookSecrets } }, use),
  );
}
