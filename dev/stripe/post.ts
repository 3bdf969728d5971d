import http from "node:http";
import https from "node:https";

import { Stripe } from "stripe";

import type { Letter } from "./addressees.ts";
import type { Outcome } from "./deliveries.ts";

const TIMEOUT_MS = 10_000;

/** Posts signed payloads over connections that are kept open. */
export type Poster = {
  post(letter: Letter): Promise<Outcome>;
  close(): void;
};

/** Makes a poster that holds at most `sockets` connections to each host. */
export function makePoster(sockets: number): Poster {
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: sockets }),
    https: new https.Agent({ keepAlive: true, maxSockets: sockets }),
  };

  async function post(letter: Letter): Promise<Outcome> {
    const { url, payload } = letter;
    const startedAt = Date.now();
    const signature = sign(letter, startedAt);
    const agent = url.startsWith("https:") ? agents.https : agents.http;
    const outcome = await send(url, agent, payload, signature).then(
      (status) => ({ status, error: null }),
      (error: unknown) => ({ status: null, error: describe(error) }),
    );
    return { ms: Date.now() - startedAt, ...outcome };
  }

  function close(): void {
    agents.http.destroy();
    agents.https.destroy();
  }

  return { post, close };
}

/** The real time, by which a receiver finds it fresh, and a signature of each secret. */
function sign({ payload, secrets }: Letter, now: number): string {
  const timestamp = Math.floor(now / 1000);
  const signatures = secrets.map((secret) =>
    Stripe.webhooks
      .generateTestHeaderString({ payload, secret, timestamp })
      .replace(`t=${timestamp},`, ""),
  );
  return [`t=${timestamp}`, ...signatures].join();
}

/** Sends once, reads the answer away, and gives its status. Follows no redirect. */
function send(url: string, agent: http.Agent, body: string, signature: string): Promise<number> {
  const { request } = url.startsWith("https:") ? https : http;
  const headers = {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "Stripe-Signature": signature,
  };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const outgoing = request(url, { method: "POST", agent, headers, signal }, (answer) => {
      answer.on("error", reject);
      answer.on("end", () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? `${String(error.code)}: ${error.message}` : error.message;
}
