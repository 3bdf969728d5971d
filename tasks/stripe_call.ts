/** What of a call to Stripe its limits go by. */
export type StripeCall = {
  method: string;
  /** Without the query. */
  path: string;
  /** Method and path, without the ids in it. */
  endpoint: string;
  /** The subscription, or the item of one, whose quantity the call sets; null when it sets none. */
  quantityOf: string | null;
};

/** Reads a call as the SDK's HTTP client is given it. */
export function callOf(method: string, pathAndQuery: string, body: string): StripeCall {
  const [path = ""] = pathAndQuery.split("?", 1);
  // A word is a part of the API; whatever has a digit or a capital in it is an id.
  const endpoint = path
    .split("/")
    .map((part) => (/^([a-z_]*|v[12])$/.test(part) ? part : ":id"))
    .join("/");
  return { method, path, endpoint: `${method} ${endpoint}`, quantityOf: quantityOf(path, body) };
}

function quantityOf(path: string, body: string): string | null {
  const [, subscription] = /^\/v1\/(?:subscriptions|subscription_items)\/(\w+)$/.exec(path) ?? [];
  if (subscription === undefined) return null;
  const names = new URLSearchParams(body).keys();
  const setsQuantity = names.some((name) => /^(items\[\d+\]\[quantity\]|quantity)$/.test(name));
  return setsQuantity ? subscription : null;
}
