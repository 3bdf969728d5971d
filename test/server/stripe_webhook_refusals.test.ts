import { gzipSync } from "node:zlib";

import { describe, expect, waitUntil, withClient, type TestDatabase } from "../support/index.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { makeEvent, sendRawWebhook, sendWebhook, signHeader } from "../support/webhooks.ts";

const json = (value: unknown) => JSON.stringify(value);
const now = () => Math.floor(Date.now() / 1000);

describe("nothing is stored when", () => {
  const event = () => json(makeEvent());
  const forged = "0".repeat(64);

  test.for<[string, (payload: string, secret: string) => string]>([
    ["another secret signed", (payload) => signHeader(payload, "whsec_other")],
    ["an empty secret signed", (payload) => signHeader(payload, "")],
    [
      "S7: it was signed 301 seconds ago",
      (payload, secret) => signHeader(payload, secret, { at: now() - 301 }),
    ],
    [
      "S7: it was signed a day ahead",
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
    [
      "a second time is named that was not signed for the first",
      (payload, secret) => `t=${now()},${signHeader(payload, secret, { at: now() + 86_400 })}`,
    ],
    ["there is no time", (payload, secret) => signHeader(payload, secret).replace(/t=\d+,/, "")],
    ["there is no signature", () => ""],
    ["the header is garbage", () => ",,,=,t=,v1"],
    ["the signature is empty", () => `t=${now()},v1=`],
    ["the signature is not even begun", () => `t=${now()},v1`],
    ["a good signature stands beside an empty one", (...signed) => `${signHeader(...signed)},v1=`],
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

  test("S6: the body was parsed and written anew on its way", async ({ system, admin }) => {
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

  test("S14: the signature comes in two headers", async ({ system, admin }) => {
    const before = await countRows(admin);
    const payload = event();
    const signature = signHeader(payload, system.webhookSecret);
    const answer = await sendRawWebhook(system, payload, {
      "stripe-signature": [signature, signature],
    });
    expect(answer).toBe(400);
    expect(await countRows(admin)).toEqual(before);
  });

  test.for(["GET", "PUT", "DELETE", "OPTIONS"])(
    "S14: it comes by %s",
    async (method, { system, admin }) => {
      const before = await countRows(admin);
      const payload = event();
      const response = await fetch(`${system.url}/webhooks/stripe`, {
        method,
        headers: { "stripe-signature": signHeader(payload, system.webhookSecret) },
        ...(method === "GET" ? {} : { body: payload }),
      });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
      expect(await countRows(admin)).toEqual(before);
    },
  );

  test.for([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["an event without a type", json(makeEvent({ type: undefined }))],
    ["an event of no known format", json(makeEvent({ object: "v3.event" }))],
    ["an event without an object", json(makeEvent({ data: {} }))],
    ["an event without a mode", json(makeEvent({ livemode: "no" }))],
    ["an event of no time", json(makeEvent({ created: "yesterday" }))],
    ["an event of an account that can't be read", json(makeEvent({ account: { id: "acct_1" } }))],
  ] as const)("S14: it is signed, and %s", async ([, payload], { system, admin }) => {
    const before = await countRows(admin);
    expect((await sendWebhook(system, payload)).status).toBe(400);
    expect(await countRows(admin)).toEqual(before);
  });

  test("S9: the database is away; the same delivery is taken when it is back", async ({
    system,
    admin,
    database,
  }) => {
    const payload = event();
    const before = await countRows(admin);
    const failed = await withDatabaseAway(database, () => sendWebhook(system, payload));
    expect(failed.status).toBeGreaterThanOrEqual(500);
    expect(await countRows(admin)).toEqual(before);
    // Stripe goes on trying; connections that died meanwhile are found out one by one.
    const taken = await waitUntil(async () => {
      const answer = await sendWebhook(system, payload);
      return answer.status === 200 ? answer : undefined;
    });
    expect(taken.body).toMatchObject({ status: "pending" });
  });

  test("S9: the database can't book the job: neither row nor job, and Stripe is told to try again", async ({
    system,
    admin,
  }) => {
    const payload = event();
    const before = await countRows(admin);
    await admin.query("revoke insert on graphile_worker._private_jobs from app_definer");
    const failed = await sendWebhook(system, payload);
    await admin.query("grant insert on graphile_worker._private_jobs to app_definer");
    expect(failed.status).toBeGreaterThanOrEqual(500);
    expect(await countRows(admin)).toEqual(before);
    // The same delivery, tried again, is not taken for a duplicate.
    expect(await sendWebhook(system, payload)).toMatchObject({
      status: 200,
      body: { status: "pending" },
    });
  });
});

/** Nobody gets into the database, and the server's connections are cut, while `work` runs. */
async function withDatabaseAway<T>(database: TestDatabase, work: () => Promise<T>): Promise<T> {
  const url = new URL(database.urls.superuser);
  const name = url.pathname.slice(1);
  url.pathname = "/postgres";
  return withClient(url.href, async (client) => {
    await client.query(`alter database ${name} with allow_connections false`);
    try {
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and usename = 'rowhouse_server'`,
        [name],
      );
      return await work();
    } finally {
      await client.query(`alter database ${name} with allow_connections true`);
    }
  });
}
