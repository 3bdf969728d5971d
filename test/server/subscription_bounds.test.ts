import { once } from "node:events";
import { connect } from "node:net";

import { WebSocket, WebSocketServer } from "ws";

import { keepAlive } from "../../server/websockets.ts";
import { graphql } from "../support/client.ts";
import { expect, waitUntil } from "../support/index.ts";
import { test } from "../support/quiet_system.ts";
import { Subscriber } from "../support/subscriber.ts";

const EVENT = "subscription { tenantChanged { event } }";

test("whoever says nothing, or what is no message of the protocol, is cut off with its code", async ({
  system,
  alice,
}) => {
  using silent = await Subscriber.open(system.url);
  const after = async (message: string, token: string | undefined) => {
    using subscriber =
      token === undefined
        ? await Subscriber.open(system.url)
        : await Subscriber.connect(system.url, token);
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

  expect(await silent.end()).toMatchObject({ code: 4408 });
});

test("a flood of messages ends the connection; pings are answered until then", async ({
  system,
  alice,
}) => {
  using flood = await Subscriber.connect(system.url, alice.token);
  for (let n = 0; n < 150; n += 1) flood.say({ type: "ping" });
  await waitUntil(() => flood.messages.filter(({ type }) => type === "pong").length === 150);
  for (let n = 0; n < 100; n += 1) flood.say({ type: "ping" });
  expect(await flood.end()).toMatchObject({ code: 1008 });
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

test("whoever answers no ping is cut off, whoever does is not", async () => {
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  sockets.on("connection", (websocket) => keepAlive(websocket, 200));
  await once(sockets, "listening");
  const { port } = sockets.address() as { port: number };
  const alive = new WebSocket(`ws://127.0.0.1:${port}`);
  const dead = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong: false });
  await once(dead, "close");
  expect(alive.readyState).toBe(WebSocket.OPEN);
  alive.terminate();
  sockets.close();
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
