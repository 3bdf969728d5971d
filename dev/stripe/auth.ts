import { invalidParameter, StripeError } from "./errors.ts";
import type { Store } from "./store.ts";

/** What somebody at the Dashboard has done to a key. One that is not here may do everything. */
export type LimitedKey = {
  id: string;
  /** How the calls begin that it may make, such as `GET /v1/customers`. */
  may: string[];
  isExpired: boolean;
};

/** Who calls for what. */
export type Caller = { method: string; path: string; header: string | undefined };

/** Throws unless the header carries a test key that may do this. There is one account. */
export function authenticate(store: Store, { method, path, header }: Caller): void {
  const key = keyFrom(header);
  if (key === "") throw unauthorized(MISSING);
  if (!isTestKey(key)) {
    throw unauthorized(
      `Invalid API Key provided: ${masked(key)}. The emulator takes test keys only.`,
    );
  }
  const limited = store.limitedKeys.get(key);
  if (limited === undefined) return;
  if (limited.isExpired) {
    throw unauthorized(`Expired API Key provided: ${masked(key)}`, "api_key_expired");
  }
  const call = `${method} ${path}`;
  if (!limited.may.some((start) => call.startsWith(start))) throw forbidden(key, call);
}

/** Limits a test key to some calls, or ends it. */
export function limitKey(store: Store, limited: LimitedKey): { key: string } {
  if (!isTestKey(limited.id)) throw invalidParameter("key", "Must begin with rk_test_ or sk_test_");
  store.limitedKeys.set(limited.id, limited);
  return { key: limited.id };
}

const MISSING =
  "You did not provide an API key. You need to provide your API key in the Authorization header, " +
  "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";

function isTestKey(key: string): boolean {
  return /^[sr]k_test_/.test(key);
}

function keyFrom(header: string | undefined): string {
  const [scheme = "", credentials = ""] = (header ?? "").trim().split(/\s+/, 2);
  if (scheme.toLowerCase() === "bearer") return credentials;
  if (scheme.toLowerCase() !== "basic") return "";
  const [user = ""] = Buffer.from(credentials, "base64").toString("utf8").split(":", 1);
  return user;
}

function masked(key: string): string {
  return `${key.slice(0, 8)}${"*".repeat(8)}${key.length > 16 ? key.slice(-4) : ""}`;
}

function unauthorized(message: string, code?: string): StripeError {
  const body = { type: "invalid_request_error", message } as const;
  return new StripeError(401, code === undefined ? body : { ...body, code });
}

function forbidden(key: string, call: string): StripeError {
  return new StripeError(403, {
    type: "invalid_request_error",
    message: `The provided key '${masked(key)}' does not have the required permissions for this endpoint (${call}).`,
  });
}
