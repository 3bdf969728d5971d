import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import type { Stripe } from "stripe";
import { expect, test } from "vitest";

import { allEvents, makeActive, startEmulated } from "./stripe_support.ts";

type Message = { body: string; signature: string };

/** Keeps what arrives as it is: only the SDK is to say whether it is good. */
async function startMailbox() {
  const messages: Message[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const signature = String(request.headers["stripe-signature"]);
      messages.push({ body: Buffer.concat(chunks).toString("utf8"), signature });
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    messages,
    url: `http://127.0.0.1:${port}/thin`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function subscribe(stripe: Stripe, url: string, enabled_events: string[]): Promise<string> {
  const destination = await stripe.v2.core.eventDestinations.create({
    enabled_events,
    event_payload: "thin",
    name: "thin",
    type: "webhook_endpoint",
    webhook_endpoint: { url },
    include: ["webhook_endpoint.signing_secret"],
  });
  return destination.webhook_endpoint?.signing_secret ?? "";
}

test("a thin event is signed, leads to its object and its event, and names its snapshot twin", async () => {
  await using mailbox = await startMailbox();
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const secret = await subscribe(stripe, mailbox.url, ["v1.customer.subscription.updated"]);
  const { subscription } = await makeActive(stripe);
  await control("settle");

  const [message] = mailbox.messages;
  if (message === undefined) throw new Error("nothing arrived");
  const read = (by: string) => stripe.parseEventNotification(message.body, message.signature, by);
  expect(() => read("whsec_other")).toThrow("signature");
  const thin = read(secret);
  if (thin.type !== "v1.customer.subscription.updated") throw new Error(thin.type);
  expect(thin).not.toHaveProperty("data");
  expect(thin.related_object).toEqual({
    id: subscription.id,
    type: "subscription",
    url: `/v1/subscriptions/${subscription.id}`,
  });
  expect(await thin.fetchRelatedObject()).toMatchObject({ id: subscription.id, status: "active" });
  expect(await thin.fetchEvent()).toMatchObject({ id: thin.id, type: thin.type });
  const twin = await stripe.events.retrieve(thin.snapshot_event ?? "");
  expect(`v1.${twin.type}`).toBe(thin.type);
  expect(Date.parse(thin.created)).toBe(twin.created * 1000);
});

test("what a thin event is about can be retrieved, if it has an id", async () => {
  await using mailbox = await startMailbox();
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  const secret = await subscribe(stripe, mailbox.url, ["*"]);
  await makeActive(stripe);
  await control("settle");
  expect(mailbox.messages).toHaveLength((await allEvents(stripe)).length);
  for (const { body, signature } of mailbox.messages) {
    const thin = stripe.parseEventNotification(body, signature, secret) as {
      related_object?: { id: string };
      fetchRelatedObject(): Promise<unknown>;
    };
    const related = await thin.fetchRelatedObject();
    expect(related).toMatchObject({ id: thin.related_object?.id });
  }
});

test("a destination gets no snapshots, and is no webhook endpoint", async () => {
  await using mailbox = await startMailbox();
  await using emulated = await startEmulated();
  const { stripe, control } = emulated;
  await subscribe(stripe, mailbox.url, ["customer.created", "v1.product.created"]);
  await stripe.customers.create({ name: "Acme" });
  await stripe.products.create({ name: "Pro" });
  await control("settle");
  expect(mailbox.messages.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { object: "v2.core.event", type: "v1.product.created" },
  ]);
  expect((await stripe.webhookEndpoints.list()).data).toEqual([]);
  await expect(stripe.v2.core.events.retrieve("evt_test_none")).rejects.toMatchObject({
    statusCode: 404,
  });
});
