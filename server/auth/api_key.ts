import { createHash } from "node:crypto";

const API_KEY = /^rh_(?:live|test)_[0-9a-f]{48}$/;

/** Whether a bearer token is meant to be an API key, well formed or not. No other token begins so. */
export function looksLikeApiKey(token: string): boolean {
  return token.startsWith("rh_");
}

/**
 * How the database knows a key (db/30_tenancy/api_keys.sql makes them); undefined for what no key
 * looks like. The key itself goes no further than this.
 */
export function apiKeyHash(key: string): Buffer | undefined {
  return API_KEY.test(key) ? createHash("sha256").update(key).digest() : undefined;
}
