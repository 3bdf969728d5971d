import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";

import { pino, type Level } from "pino";

import { describe, expect, withClient, withDatabase } from "../support/index.ts";
import { test } from "../support/quiet_system.ts";
import { withSystem, type System } from "../support/system.ts";
import { makeEvent, sendWebhook, signHeader } from "../support/webhooks.ts";

const event = () => JSON.stringify(makeEvent());

/** The short way, and three spellings that only Express knows. */
const PATHS = [
  "/webhooks/stripe",
  "/webhooks/stripe/",
  "/Webhooks/Stripe",
  "/webhooks/stripe?from=stripe",
];

describe.for(PATHS)("POST %s", (path) => {
  const send = (system: System, payload: string, signature: string) =>
    fetch(`${system.url}${path}`, {
      method: "POST",
      headers: { "stripe-signature": signature, "x-request-id": "trace-0123" },
      body: payload,
    });

  test("is answered alike", async ({ system }) => {
    const payload = event();
    const response = await send(system, payload, signHeader(payload, system.webhookSecret));
    expect(response.headers.get("x-request-id")).toBe("trace-0123");
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect([response.status, await response.json()]).toEqual([
      200,
      { received: true, status: "pending" },
    ]);
  });

  test("is refused alike", async ({ system }) => {
    const response = await send(system, event(), "");
    expect(response.headers.get("x-request-id")).toBe("trace-0123");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { errors: [{ extensions: { code: "BAD_USER_INPUT" } }] },
    ]);
  });
});

test("a connection serves on after a body that was too large, or compressed", async ({
  system,
}) => {
  using agent = keptAlive();
  const send = async (payload: string, headers: Record<string, string> = {}) => {
    const signature = signHeader(payload, system.webhookSecret);
    const sent = request(`${system.url}/webhooks/stripe`, {
      agent,
      method: "POST",
      headers: { "stripe-signature": signature, ...headers },
    });
    // In pieces, so that nobody is told beforehand how long it is.
    sent.write(payload.slice(0, 10));
    sent.end(payload.slice(10));
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const { localPort } = response.socket;
    await once(response.resume(), "end");
    return { status: response.statusCode, localPort };
  };
  const { status, localPort } = await send(event());
  expect(status).toBe(200);
  expect(await send("x".repeat(2 * 1024 * 1024))).toEqual({ status: 413, localPort });
  expect(await send(event(), { "content-encoding": "gzip" })).toEqual({ status: 415, localPort });
  expect(await send(event())).toEqual({ status: 200, localPort });
});

describe("what is logged at level", () => {
  test("info: only what fails, with the request that met it", async () => {
    const lines = await linesOf("info");
    expect(lines).not.toContainEqual(answered(200));
    expect(lines).toContainEqual(answered(500));
    expect(lines).toContainEqual(expect.objectContaining({ ...REQUEST, msg: "request failed" }));
  });

  test("debug: every request", async () => {
    const lines = await linesOf("debug");
    expect(lines).toContainEqual(answered(200));
    expect(lines).toContainEqual(answered(500));
  });
});

const REQUEST = {
  req: expect.objectContaining({ method: "POST", path: "/webhooks/stripe", ip: "127.0.0.1" }),
};

function answered(statusCode: number) {
  return expect.objectContaining({ ...REQUEST, res: { statusCode } });
}

/** What a server logs of an event that is kept, and of one that can't be. */
async function linesOf(level: Level): Promise<unknown[]> {
  const lines: unknown[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  await withDatabase("migrated", (database) =>
    withSystem(database, { worker: false, logger: pino({ level }, { write }) }, async (system) => {
      expect((await sendWebhook(system, event())).status).toBe(200);
      await withClient(database.urls.superuser, (admin) =>
        admin.query("alter table app_private.stripe_events rename to elsewhere"),
      );
      expect((await sendWebhook(system, event())).status).toBe(500);
    }),
  );
  return lines;
}

/** One connection for all requests, one after another. */
function keptAlive(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}
