import type { RequestHandler } from "express";

import { Refusal } from "../errors.ts";
import { apiKeyHash, isApiKey } from "./api_key.ts";
import type { Caller, Claims } from "./claims.ts";

/** Whoever can tell whose token a text is; each answers undefined for a token that isn't its own. */
export type TokenVerifier = { verify(token: string): Promise<Claims | undefined> };

/**
 * Puts whoever a bearer token stands for on the request; without one the request is a visitor's. A
 * token that is forged, expired or malformed is refused, not taken for none. Whether an API key
 * stands, the database says when its request begins.
 */
export function authenticate(verifiers: readonly TokenVerifier[]): RequestHandler {
  return async function verifyBearer(request, _response, next) {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const token = bearerToken(authorization);
      const caller = token === undefined ? undefined : await callerOf(verifiers, token);
      if (caller === undefined) {
        throw new Refusal(
          "LOGIN",
          "The access token is not valid, or no longer",
          "Get a new one from POST /auth/token.",
        );
      }
      request.caller = caller;
    }
    next();
  };
}

/** The token of an Authorization header; undefined when it holds something else. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([^\s]{1,4096})$/i.exec(authorization?.trim() ?? "")?.[1];
}

async function callerOf(
  verifiers: readonly TokenVerifier[],
  token: string,
): Promise<Caller | undefined> {
  if (isApiKey(token)) return { apiKeyHash: apiKeyHash(token) };
  for (const verifier of verifiers) {
    const person = await verifier.verify(token);
    if (person !== undefined) return { person };
  }
  return undefined;
}
