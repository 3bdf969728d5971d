import { once } from "node:events";
import http from "node:http";

import { Stripe } from "stripe";
import { expect, test } from "vitest";

import { startEmulated } from "./stripe_support.ts";

const OLD = "whsec_old";

type Letter = { body: Buffer; signature: string };

/** Keeps whatever comes, whoever signed it. */
async function startMailbox() {
  const letters: Letter[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { "stripe-signature": signature } = request.headers;
      letters.push({ body: Buffer.concat(chunks), signature: String(signature) });
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    letters,
    webhook: { url: `http://127.0.0.1:${port}/`, secret: OLD },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function isSignedWith({ body, signature }: Letter, secret: string): boolean {
  try {
    Stripe.webhooks.constructEvent(body, signature, secret);
    return true;
  } catch {
    return false;
  }
}

test("while a secret is rolled events are signed with both, afterwards with the new one", async () => {
  await using mailbox = await startMailbox();
  await using emulated = await startEmulated({ webhook: mailbox.webhook });
  const sent = async () => {
    await emulated.stripe.customers.create({ name: "Acme" });
    await emulated.control("settle");
    const letter = mailbox.letters.at(-1);
    if (letter === undefined) throw new Error("Nothing came");
    return letter;
  };

  expect(isSignedWith(await sent(), OLD)).toBe(true);
  const roll = (body: object) => emulated.control("webhook_endpoints/we_configured/roll", body);
  const { secret } = (await roll({ keep_old_for: 3600 })) as { secret: string };
  expect(secret).toMatch(/^whsec_\w{32}$/);
  const between = await sent();
  expect(between.signature).toMatch(/^t=\d+,v1=[\da-f]{64},v1=[\da-f]{64}$/);
  expect([isSignedWith(between, OLD), isSignedWith(between, secret)]).toEqual([true, true]);

  const newest = (await roll({})) as { secret: string };
  const after = await sent();
  expect([OLD, secret, newest.secret].map((each) => isSignedWith(after, each))).toEqual([
    false,
    false,
    true,
  ]);
});

test("the old secret is good for as long as was said, by the emulator's clock", async () => {
  await using mailbox = await startMailbox();
  await using emulated = await startEmulated({ webhook: mailbox.webhook });
  await emulated.control("webhook_endpoints/we_configured/roll", { keep_old_for: 3600 });
  const isSignedByOld = async () => {
    await emulated.stripe.customers.create({ name: "Acme" });
    await emulated.control("settle");
    const letter = mailbox.letters.at(-1);
    return letter !== undefined && isSignedWith(letter, OLD);
  };
  await emulated.control("advance", { seconds: 3000 });
  expect(await isSignedByOld()).toBe(true);
  await emulated.control("advance", { seconds: 700 });
  expect(await isSignedByOld()).toBe(false);
});

test("an endpoint that is disabled gets nothing, and one that is changed what it asks for", async () => {
  await using mailbox = await startMailbox();
  await using emulated = await startEmulated({ webhook: mailbox.webhook });
  const { stripe } = emulated;
  await stripe.webhookEndpoints.update("we_configured", { disabled: true });
  await stripe.customers.create({ name: "Unheard" });
  await stripe.webhookEndpoints.update("we_configured", {
    disabled: false,
    enabled_events: ["product.created"],
  });
  await stripe.customers.create({ name: "Unasked" });
  await stripe.products.create({ name: "Heard" });
  await emulated.control("settle");
  const types = mailbox.letters.map(({ body }) => JSON.parse(body.toString()).type);
  expect(types).toEqual(["product.created"]);
});
