import { fromNodeHeaders } from "better-auth/node";
import type { RequestHandler } from "express";
import type pg from "pg";

import { Refusal } from "../errors.ts";
import type { AccessTokens } from "./access_token.ts";
import { isUuid } from "./claims.ts";
import type { Identity } from "./identity.ts";

export type TokenRouteOptions = {
  identity: Identity;
  tokens: Pick<AccessTokens, "issue">;
  /** As the server's login role. */
  pool: pg.Pool;
};

/** POST /auth/token: a session for an access token, for one tenant when one is named. */
export function tokenRoute({ identity, tokens, pool }: TokenRouteOptions): RequestHandler {
  return async function issueToken(request, response) {
    const tenantId = tenantIdFrom(request.body);
    const session = await identity.api.getSession({ headers: fromNodeHeaders(request.headers) });
    if (session === null) {
      throw new Refusal("LOGIN", "You must be signed in", "Sign in at /api/auth/sign-in/email.");
    }
    // Raises TNFND, which is 403 here: who is not a member learns nothing more.
    await pool.query("select app_private.enter($1::uuid, $2::uuid)", [session.user.id, tenantId]);

    response.set("cache-control", "no-store");
    response.json(
      await tokens.issue({ userId: session.user.id, sessionId: session.session.id, tenantId }),
    );
  };
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
