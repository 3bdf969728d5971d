import { createHash } from "node:crypto";

const API_KEY = /^rh_(?:live|test)_[0-9a-f]{48}$/;

/** Whether a bearer token has the form of an API key (db/30_tenancy/api_keys.sql makes them). */
export function isApiKey(token: string): boolean {
  return API_KEY.test(token);
}

/** How the database knows a key; the key itself goes no further than this. */
export function apiKeyHash(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
