import type { RequestHandler } from "express";

import { Refusal } from "../errors.ts";
import { apiKeyHash, looksLikeApiKey } from "./api_key.ts";
import type { Caller, Verified } from "./claims.ts";

/** Whoever can tell whose token a text is; each answers undefined for a token that isn't its own. */
export type TokenVerifier = { verify(token: string): Promise<Verified | undefined> };

/**
 * Puts whoever a bearer token stands for on the request; without one the request is a visitor's. A
 * token that is forged, expired or malformed is refused, not taken for none. Whether an API key
 * stands, the database says when its request begins.
 */
export function authenticate(verifiers: readonly TokenVerifier[]): RequestHandler {
  return async function verifyBearer(request, _response, next) {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      request.caller = await callerOf(verifiers, authorization);
    }
    next();
  };
}

/**
 * Keeps API keys from whatever asks for a person: the identity provider would look them up among its
 * sessions, in clear.
 */
export const refuseApiKeys: RequestHandler = (request, _response, next) => {
  if (looksLikeApiKey(bearerToken(request.headers.authorization) ?? "")) {
    throw new Refusal(
      "LOGIN",
      "This needs a person, and an API key is none",
      "Send the key to /graphql itself: it needs no access token.",
    );
  }
  next();
};

/** The token of an Authorization header; undefined when it holds something else. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([^\s]{1,4096})$/i.exec(authorization?.trim() ?? "")?.[1];
}

/** Whom an Authorization header names; refuses one that names nobody. */
export async function callerOf(
  verifiers: readonly TokenVerifier[],
  authorization: string,
): Promise<Caller> {
  const token = bearerToken(authorization);
  if (token !== undefined) {
    if (looksLikeApiKey(token)) return machineOf(token);
    for (const verifier of verifiers) {
      const verified = await verifier.verify(token);
      if (verified !== undefined) return verified;
    }
  }
  throw new Refusal(
    "LOGIN",
    "The access token is not valid, or no longer",
    "Get a new one from POST /auth/token.",
  );
}

/** One with a typing error is no one's; it is told so in the words that the database has for it. */
function machineOf(key: string): Caller {
  const hash = apiKeyHash(key);
  if (hash !== undefined) return { apiKeyHash: hash };
  throw new Refusal("LOGIN", "The API key is not valid, or no longer");
}
