import { fromNodeHeaders } from "better-auth/node";
import type { Request, RequestHandler } from "express";
import type pg from "pg";

import { Refusal } from "../errors.ts";
import type { AccessTokens } from "./access_token.ts";
import { bearerToken, type TokenVerifier } from "./authenticate.ts";
import { isUuid, type Claims } from "./claims.ts";
import type { Identity } from "./identity.ts";

export type TokenRouteOptions = {
  identity: Identity;
  tokens: Pick<AccessTokens, "issue">;
  /** Tokens of external identity providers. */
  external: TokenVerifier;
  /** As the server's login role. */
  pool: pg.Pool;
};

/** POST /auth/token: a session for an access token, for one tenant when one is named. */
export function tokenRoute(options: TokenRouteOptions): RequestHandler {
  const { tokens, pool } = options;
  return async function issueToken(request, response) {
    const tenantId = tenantIdFrom(request.body);
    const person = await signedIn(options, request);
    if (person === undefined) {
      throw new Refusal("LOGIN", "You must be signed in", "Sign in at /api/auth/sign-in/email.");
    }
    // Raises TNFND, which is 403 here: who is not a member learns nothing more.
    await pool.query("select app_private.enter($1::uuid, $2::uuid)", [person.userId, tenantId]);

    response.set("cache-control", "no-store");
    response.json(await tokens.issue({ ...person, tenantId }));
  };
}

/** Who a session's cookie or bearer token stands for, or else an external provider's token. */
async function signedIn(
  { identity, external }: TokenRouteOptions,
  { headers }: Request,
): Promise<Pick<Claims, "userId" | "sessionId"> | undefined> {
  const session = await identity.api.getSession({ headers: fromNodeHeaders(headers) });
  if (session !== null) return { userId: session.user.id, sessionId: session.session.id };
  const token = bearerToken(headers.authorization);
  const verified = token === undefined ? undefined : await external.verify(token);
  return verified && { userId: verified.person.userId, sessionId: undefined };
}

function tenantIdFrom(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Refusal("INPUT", "The body must be a JSON object");
  }
  const tenantId: unknown = Reflect.get(body, "tenantId");
  if (tenantId === undefined || tenantId === null) return undefined;
  if (!isUuid(tenantId)) throw new Refusal("INPUT", '"tenantId" must be a uuid');
  return tenantId;
}
