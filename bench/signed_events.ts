/** Webhooks made beforehand, so that making them is not what is measured. */
import Stripe from "stripe";

/** An event as it is kept, and as it is posted. */
export type SignedEvent = { id: string; customer: string; payload: string; request: Buffer };

export type EventShape = {
  /** So many customers, in turns. */
  customers: readonly string[];
  /** At least so many bytes of payload. */
  bytes?: number;
};

export const WEBHOOK_SECRET = "whsec_bench";

/** Events that no other call made, about the given customers, signed now: good for five minutes. */
export function makeEvents(count: number, { customers, bytes = 0 }: EventShape): SignedEvent[] {
  return Array.from({ length: count }, (_, number) => {
    const customer = customers[number % customers.length];
    if (customer === undefined) throw new Error("There are no customers");
    made += 1;
    const id = `evt_bench${made}`;
    const payload = padded(eventOf(id, customer), bytes);
    return { id, customer, payload, request: webhookRequest(payload) };
  });
}

let made = 0;

/** `POST /webhooks/stripe` in bytes. */
export function webhookRequest(payload: string): Buffer {
  const body = Buffer.from(payload);
  const head = [
    "POST /webhooks/stripe HTTP/1.1",
    "host: 127.0.0.1",
    "user-agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "accept: */*; q=0.5, application/xml",
    "content-type: application/json; charset=utf-8",
    `content-length: ${body.length}`,
    `stripe-signature: ${signatureOf(payload)}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

function signatureOf(payload: string): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET });
}

function eventOf(id: string, customer: string) {
  return {
    id,
    object: "event",
    api_version: "2026-10-28.endive",
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: "customer.subscription.updated",
    data: {
      object: { id: `sub_${id}`, object: "subscription", customer, status: "active" },
      previous_attributes: { status: "past_due" },
    },
  };
}

/** As long as Stripe's own are, which tell much more about the object; pretty-printed, as those. */
function padded(event: ReturnType<typeof eventOf>, bytes: number): string {
  const bare = JSON.stringify(event, null, 2);
  const metadata: Record<string, string> = {};
  for (let line = 0; bare.length + line * 64 < bytes; line += 1) {
    metadata[`key_${line}`] = `a value that is as long as many others are`;
  }
  const object = { ...event.data.object, metadata };
  return JSON.stringify({ ...event, data: { ...event.data, object } }, null, 2);
}
