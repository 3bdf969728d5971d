import { createLocalJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";

import { isUuid, type Claims, type Verified } from "./claims.ts";
import type { Identity } from "./identity.ts";

/** How long a token is good: a removed member is out at once anyway, a signed-out person by then. */
export const TOKEN_LIFETIME_SECONDS = 600;

/** Keys are read again for an unknown key id, but not more often than this. */
const KEYS_MIN_AGE_MS = 10_000;

export type AccessTokens = {
  issue(claims: Claims): Promise<{ accessToken: string; expiresAt: string }>;
  /** What a token says that is ours and still good; undefined for any other text. */
  verify(token: string): Promise<Verified | undefined>;
};

/** Access tokens signed with the identity provider's keys, which JWKS publishes. */
export function makeAccessTokens(identity: Identity, publicUrl: string): AccessTokens {
  const keys = cachedKeys(identity);
  return {
    async issue({ userId, sessionId, tenantId }) {
      const issuedAt = Math.floor(Date.now() / 1000);
      const expiresAt = issuedAt + TOKEN_LIFETIME_SECONDS;
      const { token } = await identity.api.signJWT({
        body: {
          payload: {
            iss: publicUrl,
            aud: publicUrl,
            sub: userId,
            iat: issuedAt,
            exp: expiresAt,
            ...(sessionId === undefined ? {} : { sid: sessionId }),
            ...(tenantId === undefined ? {} : { tenant_id: tenantId }),
          },
        },
      });
      return { accessToken: token, expiresAt: new Date(expiresAt * 1000).toISOString() };
    },

    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer: publicUrl,
          audience: publicUrl,
          algorithms: ["EdDSA"],
          requiredClaims: ["sub", "exp"],
        });
        return verifiedBy(payload);
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

function verifiedBy(payload: JWTPayload): Verified | undefined {
  const { sub, sid, exp, tenant_id: tenantId } = payload;
  if (!isUuid(sub) || exp === undefined) return undefined;
  if (tenantId !== undefined && !isUuid(tenantId)) return undefined;
  const sessionId = typeof sid === "string" ? sid : undefined;
  return { person: { userId: sub, sessionId, tenantId }, expiresAt: exp * 1000 };
}

function cachedKeys(identity: Identity): JWTVerifyGetKey {
  let keySet: JWTVerifyGetKey | undefined;
  let readAt = 0;

  async function read(): Promise<JWTVerifyGetKey> {
    readAt = Date.now();
    keySet = createLocalJWKSet(await identity.api.getJwks());
    return keySet;
  }

  return async function keyFor(header, input) {
    try {
      return await (keySet ?? (await read()))(header, input);
    } catch (error) {
      const isStale = Date.now() - readAt > KEYS_MIN_AGE_MS;
      if (!(error instanceof errors.JWKSNoMatchingKey) || !isStale) throw error;
      return (await read())(header, input);
    }
  };
}
