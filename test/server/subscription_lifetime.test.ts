import { once } from "node:events";
import { createServer } from "node:http";

import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { pino } from "pino";

import { expect, test as base, waitUntil, withClient, withDatabase } from "../support/index.ts";
import { foundOpenTenant } from "../support/quiet_system.ts";
import { Subscriber } from "../support/subscriber.ts";
import { withSystem, type System } from "../support/system.ts";

const ISSUER = "https://idp.example.com/";

/** A system that takes two connections, logs all it does, and trusts a provider of ours. */
const test = base.extend<{
  $file: { observed: { system: System; log: string[]; tokenUntil(time: number): Promise<string> } };
}>({
  observed: [
    async ({ database }, use) => {
      const { publicKey, privateKey } = await generateKeyPair("RS256");
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256" }] };
      const provider = createServer((_request, response) => response.end(JSON.stringify(jwks)));
      provider.listen(0, "127.0.0.1");
      await once(provider, "listening");
      const { port } = provider.address() as { port: number };
      const jwksUrl = new URL(`http://127.0.0.1:${port}/jwks.json`);
      const externalProviders = [{ issuer: ISSUER, audience: "rowhouse", jwksUrl }];
      const log: string[] = [];
      const logger = pino({ level: "trace" }, { write: (line: string) => void log.push(line) });
      const config = { externalProviders, maxWebsockets: 2 };
      await withSystem(database, { worker: false, logger, config }, async (system) => {
        const tokenUntil = (time: number) =>
          new SignJWT({ sub: "ada", email: "ada@example.com", exp: time })
            .setProtectedHeader({ alg: "RS256", kid: "k1" })
            .setIssuer(ISSUER)
            .setAudience("rowhouse")
            .sign(privateKey);
        await use({ system, log, tokenUntil });
      });
      provider.close();
      provider.closeAllConnections();
    },
    { scope: "file" },
  ],
});

test("a token's end is the connection's end", async ({ observed: { system, tokenUntil } }) => {
  const expiresAt = Math.ceil(Date.now() / 1000) + 2;
  using ada = await Subscriber.connect(system.url, await tokenUntil(expiresAt));
  expect(ada.messages).toEqual([{ type: "connection_ack" }]);
  expect(await ada.end()).toMatchObject({
    code: 4403,
    reason: expect.stringMatching(/^UNAUTHENTICATED: /),
  });
  expect(Math.abs(Date.now() - expiresAt * 1000)).toBeLessThan(1_500);
});

test("a server takes as many connections as it was told to", async ({ observed: { system } }) => {
  using first = await Subscriber.open(system.url);
  using second = await Subscriber.open(system.url);
  expect(await Subscriber.refused(system.url)).toBe(503);
  first.socket.close();
  await first.end();
  using third = await Subscriber.open(system.url);
  expect([second.ended, third.ended]).toEqual([undefined, undefined]);
});

test("what fails is masked, and no token reaches a log", async ({
  database,
  observed: { system, log },
}) => {
  await withClient(database.urls.superuser, async (admin) => {
    const owner = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
    using subscriber = await Subscriber.connect(system.url, owner.token);
    subscriber.subscribe();
    await subscriber.until(({ data }) => data?.tenantChanged?.["event"] === "current");
    await admin.query("alter table app_public.tenants rename column plan to secret_column");
    await admin.query("update app_public.tenants set status = 'past_due'");
    await waitUntil(() => subscriber.codes().length > 0);
    await admin.query("alter table app_public.tenants rename column secret_column to plan");
    expect(new Set(subscriber.codes())).toEqual(new Set(["INTERNAL"]));
    expect(JSON.stringify(subscriber.messages)).not.toMatch(/secret|exist/);
    expect(log.join()).toContain("request failed");
    expect(log.join()).not.toContain(owner.token);
  });
});

test("a server that is told to stop says so to every connection, and does stop", async () => {
  await withDatabase("migrated", async (database) => {
    const open = Promise.withResolvers<Subscriber>();
    const stopped = withSystem(database, { worker: false }, async (system) => {
      await withClient(database.urls.superuser, async (admin) => {
        const owner = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
        const subscriber = await Subscriber.connect(system.url, owner.token);
        subscriber.subscribe();
        await subscriber.until(({ data }) => data !== undefined);
        // Whoever does not answer is not waited for either.
        const deaf = await Subscriber.connect(system.url, owner.token);
        deaf.socket.pause();
        open.resolve(subscriber);
      });
    });
    stopped.catch(open.reject);
    using subscriber = await open.promise;
    const startedAt = performance.now();
    expect(await subscriber.end()).toEqual({ code: 1001, reason: "The server is stopping" });
    await stopped;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
