import type { RequestHandler } from "express";

import { Refusal } from "../errors.ts";
import type { AccessTokens } from "./access_token.ts";

/**
 * Puts the claims of a bearer token on the request; without one the request is a visitor's. A token
 * that is forged, expired or malformed is refused, not taken for none.
 */
export function authenticate(tokens: Pick<AccessTokens, "verify">): RequestHandler {
  return async function verifyBearer(request, _response, next) {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const token = /^Bearer ([^\s]{1,4096})$/i.exec(authorization.trim())?.[1];
      const claims = token === undefined ? undefined : await tokens.verify(token);
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
