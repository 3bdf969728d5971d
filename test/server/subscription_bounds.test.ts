import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";

import { exportJWK, generateKeyPair, SignJWT } from "jose";

import { graphql } from "../support/client.ts";
import { expect, waitUntil, withClient } from "../support/index.ts";
import { foundOpenTenant, test } from "../support/quiet_system.ts";
import { Subscriber, TENANT_CHANGED } from "../support/subscriber.ts";
import { withSystem } from "../support/system.ts";

const EVENT = "subscription { tenantChanged { event } }";

test("what is no message of the protocol ends the connection, with the protocol's code", async ({
  system,
  alice,
}) => {
  const after = async (message: string, token: string | undefined) => {
    using subscriber =
      token === undefined ? await opened(system.url) : await Subscriber.connect(system.url, token);
    subscriber.say(message);
    const { code } = await subscriber.end();
    return code;
  };
  const subscribe = JSON.stringify({ type: "subscribe", id: "1", payload: { query: EVENT } });
  expect(await after(subscribe, undefined)).toBe(4401);
  for (const message of ["{", "null", '"text"', "[]", '{"type":"subscribe"}', '{"type":"what"}']) {
    expect(await after(message, alice.token), message).toBe(4400);
  }
  expect(await after('{"type":"connection_init"}', alice.token)).toBe(4429);
  const large = JSON.stringify({ type: "ping", payload: { text: "x".repeat(300 * 1024) } });
  expect(await after(large, alice.token)).toBe(1009);

  using other = new Subscriber(system.url);
  other.socket.close();
  using none = await Subscriber.connect(system.url, alice.token);
  expect(none.ended).toBeUndefined();
});

test("whoever says nothing is not waited for", async ({ system }) => {
  using silent = await opened(system.url);
  expect(await silent.end()).toMatchObject({ code: 4408 });
});

test("a flood of messages ends the connection; pings are answered until then", async ({
  system,
  alice,
}) => {
  using flood = await Subscriber.connect(system.url, alice.token);
  for (let n = 0; n < 300; n += 1) flood.say({ type: "ping" });
  expect(await flood.end()).toMatchObject({ code: 1008 });
  const pongs = flood.messages.filter(({ type }) => type === "pong");
  expect(pongs.length).toBeGreaterThan(100);
  expect(pongs.length).toBeLessThan(300);
});

test("a connection holds ten subscriptions, and a caller twenty connections", async ({
  system,
  alice,
  mallory,
}) => {
  using stack = new DisposableStack();
  const first = stack.use(await Subscriber.connect(system.url, alice.token));
  for (let n = 1; n <= 11; n += 1) first.subscribe(EVENT, String(n));
  await waitUntil(() => first.messages.filter(({ type }) => type === "next").length === 10);
  await waitUntil(() => first.codes("11").length === 1);
  expect(first.codes("11")).toEqual(["RATE_LIMITED"]);
  // One that is over makes room.
  first.say({ type: "complete", id: "3" });
  first.subscribe(EVENT, "12");
  await first.until(({ data }) => data?.tenantChanged?.["event"] === "current", "12");

  for (let n = 2; n <= 20; n += 1) {
    const one = stack.use(await Subscriber.connect(system.url, alice.token));
    expect(one.ended).toBeUndefined();
  }
  const late = stack.use(await Subscriber.connect(system.url, alice.token));
  expect(await late.end()).toMatchObject({ code: 1013 });
  const other = stack.use(await Subscriber.connect(system.url, mallory.token));
  expect(other.ended).toBeUndefined();
  first.socket.close();
  await first.end();
  const next = stack.use(await Subscriber.connect(system.url, alice.token));
  expect(next.ended).toBeUndefined();
});

test("subscriptions are as deep as queries may be, and only subscriptions are taken", async ({
  system,
  alice,
}) => {
  using owner = await Subscriber.connect(system.url, alice.token);
  const deep = `tenant { ${"memberships { nodes { tenant { ".repeat(5)} name ${"} } }".repeat(5)} }`;
  const asked = {
    deep: `subscription { tenantChanged { ${deep} } }`,
    unknown: "subscription { tenantChanged { nothing } }",
    broken: "subscription {",
    two: "subscription { a: tenantChanged { event } b: tenantChanged { event } }",
    query: "query { currentTenant { name } }",
    mutation: 'mutation { createTenant(input: { name: "Socket" }) { tenant { name } } }',
  };
  for (const [id, query] of Object.entries(asked)) owner.subscribe(query, id);
  await waitUntil(() => Object.keys(asked).every((id) => owner.codes(id).length > 0));
  expect(Object.fromEntries(Object.keys(asked).map((id) => [id, owner.codes(id)[0]]))).toEqual({
    deep: "QUERY_TOO_COMPLEX",
    unknown: "BAD_USER_INPUT",
    broken: "BAD_USER_INPUT",
    two: "BAD_USER_INPUT",
    query: "BAD_USER_INPUT",
    mutation: "BAD_USER_INPUT",
  });
  const { data } = await graphql(system.url, alice.token, "{ tenants { totalCount } }");
  expect(data).toEqual({ tenants: { totalCount: 1 } });
});

test("what fails is masked, and no token reaches a log", async ({ database }) => {
  await withClient(database.urls.superuser, async (admin) => {
    const lines: string[] = [];
    const { pino } = await import("pino");
    const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
    await withSystem(database, { worker: false, logger }, async (system) => {
      const owner = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
      using subscriber = await Subscriber.connect(system.url, owner.token);
      subscriber.subscribe();
      await subscriber.until(({ data }) => data?.tenantChanged?.["event"] === "current");
      await admin.query("alter table app_public.tenants rename column status to secret_column");
      await admin.query("update app_public.tenants set plan = 'starter'");
      await waitUntil(() => subscriber.codes().length > 0);
      await admin.query("alter table app_public.tenants rename column secret_column to status");
      expect(subscriber.codes()).toEqual(["INTERNAL"]);
      expect(JSON.stringify(subscriber.messages)).not.toContain("column");
      const log = lines.join("\n");
      expect(log).toContain("request failed");
      expect(log).not.toContain(owner.token);
    });
  });
});

test("a server takes as many connections as it was told to", async ({ database }) => {
  const options = { worker: false, config: { maxWebsockets: 1 } };
  await withSystem(database, options, async ({ url }) => {
    using first = await opened(url);
    const second = new Subscriber(url);
    const [, response] = (await once(second.socket, "unexpected-response")) as [
      unknown,
      { statusCode: number },
    ];
    expect(response.statusCode).toBe(503);
    first.socket.close();
    await first.end();
    using third = await opened(url);
    expect(third.ended).toBeUndefined();
  });
});

test("another path's upgrade, and another protocol's, are answered as plain requests", async ({
  system,
}) => {
  const status = async (head: string) => {
    const socket = connect(Number(new URL(system.url).port), "127.0.0.1");
    socket.write(`${head}\r\nHost: x\r\nConnection: Upgrade, close\r\n\r\n`);
    const [data] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    return Number(data.toString().split(" ")[1]);
  };
  expect(await status("GET /healthz HTTP/1.1\r\nUpgrade: websocket")).toBe(200);
  expect(await status("GET /nowhere HTTP/1.1\r\nUpgrade: websocket")).toBe(404);
  expect(await status("GET /graphql HTTP/1.1\r\nUpgrade: h2c")).toBe(405);
  expect(await status("GET /graphql HTTP/1.1\r\nUpgrade: websocket")).toBe(400);
});

test("a token's end is the connection's end", async ({ database }) => {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256" }] };
  const provider = createServer((_request, response) => response.end(JSON.stringify(jwks)));
  provider.listen(0, "127.0.0.1");
  await once(provider, "listening");
  const { port } = provider.address() as { port: number };
  const issuer = "https://idp.example.com/";
  const jwksUrl = new URL(`http://127.0.0.1:${port}/jwks.json`);
  const externalProviders = [{ issuer, audience: "rowhouse", jwksUrl }];
  await withSystem(database, { worker: false, config: { externalProviders } }, async ({ url }) => {
    const expiresAt = Math.ceil(Date.now() / 1000) + 1;
    const token = await new SignJWT({ sub: "ada", email: "ada@example.com", exp: expiresAt })
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .setIssuer(issuer)
      .setAudience("rowhouse")
      .sign(privateKey);
    using ada = await Subscriber.connect(url, token);
    expect(ada.messages).toEqual([{ type: "connection_ack" }]);
    expect(await ada.end()).toMatchObject({
      code: 4403,
      reason: expect.stringMatching(/^UNAUTHENTICATED: /),
    });
    expect(Date.now()).toBeLessThan(expiresAt * 1000 + 500);
  });
  provider.close();
  provider.closeAllConnections();
});

test("a server that is told to stop says so to every connection, and does stop", async ({
  database,
}) => {
  await withClient(database.urls.superuser, async (admin) => {
    const open = Promise.withResolvers<Subscriber>();
    const stopped = withSystem(database, { worker: false }, async (system) => {
      const owner = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
      const subscriber = await Subscriber.connect(system.url, owner.token);
      subscriber.subscribe(TENANT_CHANGED);
      await subscriber.until(({ data }) => data !== undefined);
      // Whoever does not answer is not waited for either.
      const deaf = await Subscriber.connect(system.url, owner.token);
      deaf.socket.pause();
      open.resolve(subscriber);
    });
    stopped.catch(open.reject);
    using subscriber = await open.promise;
    const startedAt = performance.now();
    expect(await subscriber.end()).toEqual({ code: 1001, reason: "The server is stopping" });
    await stopped;
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await waitUntil(async () => {
      const { rows } = await admin.query(
        "select from pg_stat_activity where datname = $1 and usename = 'rowhouse_server'",
        [database.name],
      );
      return rows.length === 0;
    });
  });
});

async function opened(url: string): Promise<Subscriber> {
  const subscriber = new Subscriber(url);
  await once(subscriber.socket, "open");
  return subscriber;
}
