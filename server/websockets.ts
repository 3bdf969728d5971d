/** GET /graphql, upgraded: sockets that are let in, kept alive, and closed in time. */
import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import type { Express } from "express";
import type { Logger } from "pino";
import type { GrafservBase } from "postgraphile/grafserv";
import { WebSocketServer, type WebSocket } from "ws";

import { BODY_LIMITS } from "./app.ts";
import { clientAddress } from "./client_address.ts";
import type { ServerConfig } from "./config.ts";
import { errorBody } from "./http_errors.ts";
import { requestId } from "./request_log.ts";
import { makeSubscriptionProtocol, type Admission } from "./subscription_protocol.ts";

export type WebsocketOptions = {
  app: Express;
  server: Server;
  graphql: GrafservBase;
  admission: Admission;
  config: Pick<ServerConfig, "publicUrl" | "appUrl" | "corsOrigins" | "maxWebsockets">;
  logger: Logger;
};

const PATH = "/graphql";
/** Whoever has not answered a ping by the next one is gone. */
const PING_EVERY_MS = 12_000;
/** A client has little to say: a subscription or two, and pings. */
const MOST_MESSAGES = 200;
const MESSAGES_PER_MS = 10_000;
const CLOSING_MS = 1_000;
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;

/** For createServer(): any other upgrade is not done, and answered as if it had not been asked for. */
export function isWebsocketRequest({ method, url, headers }: IncomingMessage): boolean {
  const [path] = (url ?? "").split("?");
  return method === "GET" && path === PATH && /^websocket$/i.test(headers.upgrade ?? "");
}

/** Serves subscriptions on a server's upgrades until it is closed. */
export function serveWebsockets(options: WebsocketOptions): { close(): Promise<void> } {
  const { app, server, config, logger } = options;
  const protocol = makeSubscriptionProtocol(options);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: BODY_LIMITS.graphql });
  const origins = new Set([config.publicUrl, new URL(config.appUrl).origin, ...config.corsOrigins]);
  let isClosing = false;

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { origin } = request.headers;
    // A browser always says its page's origin; what is none says none.
    if (origin !== undefined && !origins.has(origin)) {
      refuse(socket, 403, `Pages of ${origin.slice(0, 100)} may not subscribe; see CORS_ORIGINS`);
    } else if (isClosing || sockets.clients.size >= config.maxWebsockets) {
      refuse(socket, 503, "No more connections are taken at the moment");
    } else {
      sockets.handleUpgrade(request, socket, head, (websocket) => open(websocket, request));
    }
  }

  function open(websocket: WebSocket, request: IncomingMessage): void {
    // As Express does it with every request: from now on it knows its address behind proxies.
    Object.setPrototypeOf(request, app.request);
    request.id = requestId(request);
    const log = logger.child({ requestId: request.id, ip: clientAddress(request) });
    keepAlive(websocket);
    // It closes by itself, with the code that says why.
    websocket.on("error", (error) => log.debug({ err: error }, "a websocket broke the rules"));
    const isTooMuch = messageBound();
    const closed = protocol.opened(
      {
        protocol: websocket.protocol,
        send: (text) => send(websocket, text),
        close: (code, reason) => websocket.close(code, reason),
        onMessage(handle) {
          websocket.on("message", (data: Buffer) => {
            if (websocket.readyState !== websocket.OPEN) return;
            if (isTooMuch()) websocket.close(POLICY_VIOLATION, "Too many messages");
            else handle(data.toString()).catch((error: unknown) => protocol.end(websocket, error));
          });
        },
      },
      { socket: websocket, request },
    );
    websocket.once("close", (code, reason) => {
      log.debug({ code }, "a websocket is closed");
      closed(code, reason.toString()).catch((error: unknown) => {
        log.error({ err: error }, "a websocket's subscriptions did not end well");
      });
    });
  }

  server.on("upgrade", upgrade);
  return {
    async close() {
      isClosing = true;
      const clients = [...sockets.clients];
      const gone = clients.map(
        (client) => new Promise<void>((resolve) => client.once("close", () => resolve())),
      );
      for (const client of clients) client.close(GOING_AWAY, "The server is stopping");
      await Promise.race([Promise.all(gone), delay(CLOSING_MS, undefined, { ref: false })]);
      for (const client of sockets.clients) client.terminate();
    },
  };
}

function refuse(socket: Duplex, status: number, message: string): void {
  const code = status === 403 ? "FORBIDDEN" : "RATE_LIMITED";
  const body = JSON.stringify(errorBody({ code, message }));
  socket.on("error", () => undefined);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      "Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Resolves when it is on its way: whoever reads slowly is not written to any faster. */
function send(websocket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (websocket.readyState !== websocket.OPEN) resolve();
    // One that can't be written to is about to be closed, and its subscriptions with it.
    else websocket.send(text, () => resolve());
  });
}

/** Ends a connection whose other end is gone without a word. */
export function keepAlive(websocket: WebSocket, pingEveryMs = PING_EVERY_MS): void {
  let isAlive = true;
  const pinging = setInterval(() => {
    if (!isAlive) websocket.terminate();
    isAlive = false;
    websocket.ping();
  }, pingEveryMs);
  websocket.on("pong", () => {
    isAlive = true;
  });
  websocket.once("close", () => clearInterval(pinging));
}

/** Whether the message that has just come is one too many. */
function messageBound(): () => boolean {
  let since = Date.now();
  let count = 0;
  return () => {
    if (Date.now() - since > MESSAGES_PER_MS) [since, count] = [Date.now(), 0];
    count += 1;
    return count > MOST_MESSAGES;
  };
}
