/** Who asks, as a verified access token or an API key says. */
export type Caller = Verified | { apiKeyHash: Buffer };

/** What a good access token says. */
export type Verified = {
  person: Claims;
  /** In milliseconds since 1970; from then on the token is no good. */
  expiresAt: number;
};

/** The person whom a verified access token names. */
export type Claims = {
  userId: string;
  /** The session that the token was issued to. */
  sessionId: string | undefined;
  /** The tenant that the token was issued for; membership is checked again in the database. */
  tenantId: string | undefined;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}
