/** A door before the emulator, at which a test counts the calls and turns some away. */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Refusal = { status: number; headers?: Record<string, string>; error: object };

export type StripeDoor = AsyncDisposable & {
  url: string;
  /** Every call that came, e.g. `GET /v1/prices`, for which account, and whether it got in. */
  calls: {
    call: string;
    refused: boolean;
    at: number;
    key: string | undefined;
    account: string | undefined;
  }[];
  /** Turns calls away that it has an answer for; undefined lets a call in. */
  refuse: (call: string) => Refusal | undefined;
};

/** What Stripe says to a key that it doesn't know. */
export const UNKNOWN_KEY: Refusal = {
  status: 401,
  error: { type: "invalid_request_error", message: "Invalid API Key provided: sk_test_****" },
};

/** What it says to a restricted key that lacks a permission. */
export const NO_PERMISSION: Refusal = {
  status: 403,
  error: { type: "invalid_request_error", message: "The provided key lacks the permission." },
};

/** Opens a door to the emulator at `stripeUrl`. */
export async function openStripeDoor(stripeUrl: string): Promise<StripeDoor> {
  const calls: StripeDoor["calls"] = [];
  const server = createServer((incoming, outgoing) => {
    const [path = ""] = (incoming.url ?? "").split("?", 1);
    const call = `${incoming.method ?? ""} ${path}`;
    const refusal = door.refuse(call);
    const key = incoming.headers["idempotency-key"]?.toString();
    const account = incoming.headers["stripe-context"]?.toString();
    calls.push({ call, refused: refusal !== undefined, at: Date.now(), key, account });
    if (refusal === undefined) pass(stripeUrl, incoming, outgoing);
    else {
      incoming.resume();
      outgoing.writeHead(refusal.status, {
        "content-type": "application/json",
        "stripe-should-retry": "false",
        ...refusal.headers,
      });
      outgoing.end(JSON.stringify({ error: refusal.error }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const door: StripeDoor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    refuse: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return door;
}

function pass(stripeUrl: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const onward = request(
    new URL(incoming.url ?? "/", stripeUrl),
    { method: incoming.method ?? "GET", headers: incoming.headers },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}
