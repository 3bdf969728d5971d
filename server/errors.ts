/**
 * What may be said to a client about a failure. Every refusal leaves with one of these codes;
 * nothing else of a database error does. docs/errors.md explains each; a test holds the two and
 * the SQLSTATEs raised in db/ equal.
 */

/** Codes of the API, by the SQLSTATE that db/ raises for them. */
export const REFUSALS = {
  LOGIN: "UNAUTHENTICATED",
  DNIED: "FORBIDDEN",
  TNREQ: "TENANT_REQUIRED",
  TNFND: "TENANT_NOT_FOUND",
  TNSUS: "TENANT_SUSPENDED",
  TNRDO: "TENANT_READ_ONLY",
  FEATR: "FEATURE_NOT_IN_PLAN",
  QUOTA: "LIMIT_EXCEEDED",
  CNFLT: "CONFLICT",
  INPUT: "BAD_USER_INPUT",
  RATED: "RATE_LIMITED",
  BILUN: "BILLING_UNAVAILABLE",
} as const;

/** Codes that no SQL of ours raises. */
export const SERVER_CODES = ["QUERY_TOO_COMPLEX", "INTERNAL"] as const;

export type ErrorCode = (typeof REFUSALS)[keyof typeof REFUSALS] | (typeof SERVER_CODES)[number];

const ERROR_CODES: ReadonlySet<unknown> = new Set([...Object.values(REFUSALS), ...SERVER_CODES]);

/** A failure as a client sees it. */
export type ClientError = {
  code: ErrorCode;
  message: string;
  hint?: string;
  details?: unknown;
};

/** What Postgres's own SQLSTATEs mean to a client; a two-letter entry stands for its whole class. */
const POSTGRES_ERRORS: Readonly<Record<string, ClientError>> = {
  "22": { code: "BAD_USER_INPUT", message: "A value has the wrong form or is out of range" },
  "23502": { code: "BAD_USER_INPUT", message: "A value that is needed is missing" },
  "23503": {
    code: "BAD_USER_INPUT",
    message: "A row that this refers to, or is needed by, is missing or in use",
  },
  "23505": { code: "CONFLICT", message: "There is such a row already" },
  "23514": { code: "BAD_USER_INPUT", message: "A value is not among those allowed" },
  "40": { code: "CONFLICT", message: "Somebody else changed the same rows; try again" },
  "42501": { code: "FORBIDDEN", message: "You may not do this" },
  "55P03": { code: "CONFLICT", message: "Somebody else is changing the same rows; try again" },
  "57014": { code: "QUERY_TOO_COMPLEX", message: "This took too long; ask for less at once" },
};

/** What a client may know of a failure that is ours. */
export const INTERNAL: ClientError = {
  code: "INTERNAL",
  message: "Something went wrong on our side",
};

/** What a client may know of a database error. Anything not listed is INTERNAL. */
export function describeDatabaseError(error: unknown): ClientError {
  const { code, message, detail, hint } = databaseErrorFields(error);
  if (code === undefined) return INTERNAL;
  if (isRefusalCode(code)) {
    return {
      code: REFUSALS[code],
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(detail === undefined ? {} : { details: parseDetails(detail) }),
    };
  }
  return POSTGRES_ERRORS[code] ?? POSTGRES_ERRORS[code.slice(0, 2)] ?? INTERNAL;
}

/** An error that describes itself as one that db/ raises, for refusals that TypeScript makes. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly code: keyof typeof REFUSALS;
  readonly hint: string | undefined;

  constructor(code: keyof typeof REFUSALS, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Whether a text is a code of the API. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.has(code);
}

/** Whether the error is a refusal of ours, made in SQL or here. */
export function isRefusal(error: unknown): boolean {
  const { code } = databaseErrorFields(error);
  return code !== undefined && isRefusalCode(code);
}

type DatabaseErrorFields = {
  code: string | undefined;
  message: string;
  detail: string | undefined;
  hint: string | undefined;
};

function databaseErrorFields(error: unknown): DatabaseErrorFields {
  const field = (name: string): string | undefined => {
    const value: unknown =
      typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
    return typeof value === "string" ? value : undefined;
  };
  return {
    code: field("code"),
    message: field("message") ?? "",
    detail: field("detail"),
    hint: field("hint"),
  };
}

function isRefusalCode(code: string): code is keyof typeof REFUSALS {
  return Object.hasOwn(REFUSALS, code);
}

/** Refusals carry their facts as JSON; a text that isn't JSON is left out rather than shown. */
function parseDetails(detail: string): unknown {
  try {
    return JSON.parse(detail);
  } catch {
    return undefined;
  }
}
