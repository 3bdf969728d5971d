import type { RequestHandler } from "express";

import { Refusal } from "../errors.ts";
import type { Claims } from "./claims.ts";

/** Whoever can tell whose token a text is; each answers undefined for a token that isn't its own. */
export type TokenVerifier = { verify(token: string): Promise<Claims | undefined> };

/**
 * Puts the claims of a bearer token on the request; without one the request is a visitor's. A token
 * that is forged, expired or malformed is refused, not taken for none.
 */
export function authenticate(verifiers: readonly TokenVerifier[]): RequestHandler {
  return async function verifyBearer(request, _response, next) {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const token = bearerToken(authorization);
      const claims = token === undefined ? undefined : await firstClaims(verifiers, token);
      if (claims === undefined) {
        throw new Refusal(
          "LOGIN",
          "The access token is not valid, or no longer",
          "Get a new one from POST /auth/token.",
        );
      }
      request.claims = claims;
    }
    next();
  };
}

/** The token of an Authorization header; undefined when it holds something else. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([^\s]{1,4096})$/i.exec(authorization?.trim() ?? "")?.[1];
}

async function firstClaims(
  verifiers: readonly TokenVerifier[],
  token: string,
): Promise<Claims | undefined> {
  for (const verifier of verifiers) {
    const claims = await verifier.verify(token);
    if (claims !== undefined) return claims;
  }
  return undefined;
}
