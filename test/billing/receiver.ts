import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import express from "express";
import { pino } from "pino";

import { makePool } from "../../server/database.ts";
import { stripeWebhook } from "../../server/stripe_webhook.ts";

/** The route for webhooks, alone on a port of its own. */
export async function startReceiver({
  databaseUrl,
  secret,
}: {
  databaseUrl: string;
  secret: string;
}): Promise<{ url: string } & AsyncDisposable> {
  const pool = makePool({
    connectionString: databaseUrl,
    applicationName: "test-receiver",
    logger: pino({ level: "silent" }),
    max: 1,
  });
  const ours = { livemode: false, accountId: undefined };
  const app = express().post("/webhooks/stripe", stripeWebhook({ pool, secrets: [secret], ours }));
  const server = http.createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/webhooks/stripe`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await pool.end();
    },
  };
}
