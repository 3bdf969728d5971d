import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { labelOfCall, type Failpoints } from "./failpoints.ts";
import type { Proxy } from "./postgres_proxy.ts";

/** What was mailed: the key says which mail it is, however often it came. */
export type SentMail = { key: string; to: string };

/** Stands between a process and Stripe, and takes its mails at `/mails`. */
export async function startStripeProxy(
  target: URL,
  failpoints: Failpoints,
  mails: SentMail[],
): Promise<Proxy> {
  const server = http.createServer((request, response) => {
    const passing = { target, failpoints, mails };
    void pass(passing, request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function pass(
  { target, failpoints, mails }: { target: URL; failpoints: Failpoints; mails: SentMail[] },
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/", headers } = request;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (failpoints.isDead) return;
  const verdict = failpoints.reached(labelOfCall(method, url));
  if (verdict === "die before") return failpoints.die();

  if (url === "/mails") {
    mails.push(JSON.parse(Buffer.concat(chunks).toString("utf8")) as SentMail);
    if (verdict === "die after") failpoints.die();
    if (!failpoints.isDead) response.end("{}");
    return;
  }
  const onward = http.request({
    host: target.hostname,
    port: target.port,
    method,
    path: url,
    headers: { ...headers, host: target.host },
    agent: false,
  });
  onward.end(Buffer.concat(chunks));
  const [answer] = (await once(onward, "response")) as [http.IncomingMessage];
  const body: Buffer[] = [];
  for await (const chunk of answer) body.push(chunk as Buffer);
  if (verdict === "die after") failpoints.die();
  if (failpoints.isDead) return;
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  response.end(Buffer.concat(body));
}
