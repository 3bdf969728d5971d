/** Webhooks as Stripe sends them, signed at the time one likes. */
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";

import { post } from "./client.ts";
import type { System } from "./system.ts";

export type SignOptions = { at?: number };

/** The Stripe-Signature of a payload, `at` a time in Unix seconds. */
export function signHeader(
  payload: string,
  secret: string,
  { at = Math.floor(Date.now() / 1000) }: SignOptions = {},
): string {
  const v1 = createHmac("sha256", secret).update(`${at}.${payload}`).digest("hex");
  return `t=${at},v1=${v1}`;
}

/** An event about a customer, with an id of its own. */
export function makeEvent(more: Record<string, unknown> = {}): Record<string, unknown> & {
  id: string;
} {
  return {
    id: `evt_${randomBytes(12).toString("hex")}`,
    object: "event",
    api_version: "2026-10-28.endive",
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    type: "invoice.paid",
    data: { object: { object: "invoice", id: "in_1", customer: "cus_nobody" } },
    ...more,
  };
}

/** Sends a payload as Stripe would, signed with the system's secret unless told otherwise. */
export function sendWebhook(
  { url, webhookSecret }: Pick<System, "url" | "webhookSecret">,
  payload: string,
  {
    secret = webhookSecret,
    signature,
    ...options
  }: SignOptions & {
    secret?: string;
    signature?: string;
  } = {},
) {
  return post(`${url}/webhooks/stripe`, payload, {
    "stripe-signature": signature ?? signHeader(payload, secret, options),
  });
}

/** Sends just these headers, as fetch would not; answers with the status. */
export async function sendRawWebhook(
  { url }: Pick<System, "url">,
  body: string,
  headers: Record<string, string | string[]>,
): Promise<number | undefined> {
  const sent = request(`${url}/webhooks/stripe`, { method: "POST", headers });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
