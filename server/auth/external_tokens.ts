import {
  createRemoteJWKSet,
  decodeJwt,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from "jose";
import type pg from "pg";
import type { Logger } from "pino";

import type { TokenVerifier } from "./authenticate.ts";
import { isUuid } from "./claims.ts";

/** An identity provider that is not ours: whose tokens to take, and the keys to check them with. */
export type ExternalProvider = {
  issuer: string;
  audience: string;
  jwksUrl: URL;
};

export type ExternalTokensOptions = {
  providers: readonly ExternalProvider[];
  /** As role app_identity. */
  pool: pg.Pool;
  logger: Logger;
};

/** Only algorithms whose verifying key can't sign. */
const ALGORITHMS = ["EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256"];

/** People remembered so that not every request writes; whoever is forgotten is looked up again. */
const REMEMBERED_PEOPLE = 10_000;
/** Another server may have written something else meanwhile, so this is not for long. */
const REMEMBERED_MS = 60_000;

/**
 * Takes tokens of external identity providers. Who comes the first time becomes a user here, known
 * by issuer and subject; the e-mail address is copied and never used to recognise anyone. It counts
 * as verified when the provider says so in as many words.
 */
export function makeExternalTokens(options: ExternalTokensOptions): TokenVerifier {
  const { providers, pool, logger } = options;
  const keys = new Map(
    providers.map(({ issuer, jwksUrl }) => [
      issuer,
      createRemoteJWKSet(jwksUrl, { timeoutDuration: 5_000 }),
    ]),
  );
  const userIdOf = rememberedUsers(pool);

  return {
    async verify(token) {
      const provider = providerOf(token, providers);
      const keySet = provider && keys.get(provider.issuer);
      if (provider === undefined || keySet === undefined) return undefined;
      const payload = await checked(token, provider, keySet, logger);
      const person = payload && personOf(payload);
      if (person === undefined) return undefined;
      const userId = await userIdOf({ ...person, issuer: provider.issuer });
      return {
        person: { userId, sessionId: undefined, tenantId: person.tenantId },
        expiresAt: person.expiresAt,
      };
    },
  };
}

/** Which provider a token claims to come from; believed only after its signature was checked. */
function providerOf(
  token: string,
  providers: readonly ExternalProvider[],
): ExternalProvider | undefined {
  try {
    const { iss } = decodeJwt(token);
    return providers.find(({ issuer }) => issuer === iss);
  } catch {
    return undefined;
  }
}

async function checked(
  token: string,
  { issuer, audience }: ExternalProvider,
  keySet: JWTVerifyGetKey,
  logger: Logger,
): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(token, keySet, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ["sub", "exp"],
    });
    return payload;
  } catch (error) {
    const isTokensFault =
      error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout);
    if (!isTokensFault) logger.warn({ err: error, issuer }, "the provider's keys are out of reach");
    return undefined;
  }
}

type Person = {
  subject: string;
  email: string;
  isEmailVerified: boolean;
  name: string;
  tenantId: string | undefined;
  expiresAt: number;
};

/** What we need of a token; undefined when it lacks it. */
function personOf(payload: JWTPayload): Person | undefined {
  const { sub, email, name, exp, tenant_id: tenantId } = payload;
  const isComplete =
    isText(sub, 255) &&
    isText(email, 320) &&
    exp !== undefined &&
    (tenantId === undefined || isUuid(tenantId));
  if (!isComplete) return undefined;
  return {
    subject: sub,
    email,
    isEmailVerified: payload["email_verified"] === true,
    name: isText(name, 200) ? name : email.slice(0, 200),
    tenantId,
    expiresAt: exp * 1000,
  };
}

function rememberedUsers(pool: pg.Pool) {
  const known = new Map<string, { userId: string; said: string; until: number }>();

  return async function userIdOf(person: Person & { issuer: string }): Promise<string> {
    const { issuer, subject, email, name, isEmailVerified } = person;
    const values = [issuer, subject, email, name, isEmailVerified];
    const key = JSON.stringify([issuer, subject]);
    const said = JSON.stringify(values);
    const remembered = known.get(key);
    // Only what was written last: a token that says again what an earlier one said must be heard.
    if (remembered?.said === said && Date.now() < remembered.until) return remembered.userId;

    const { rows } = await pool.query<{ id: string }>(
      "select auth.external_user($1, $2, $3, $4, $5) as id",
      values,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("auth.external_user returned no row");
    if (known.size >= REMEMBERED_PEOPLE) known.clear();
    known.set(key, { userId: row.id, said, until: Date.now() + REMEMBERED_MS });
    return row.id;
  };
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === "string" && value !== "" && value.length <= maxLength;
}
