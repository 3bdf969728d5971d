import { randomUUID } from "node:crypto";

import type { ErrorRequestHandler, RequestHandler } from "express";

import {
  describeDatabaseError,
  INTERNAL,
  isRefusal,
  Refusal,
  type ClientError,
  type ErrorCode,
} from "./errors.ts";

/** What HTTP says of each code, where the answer is not GraphQL's. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TENANT_REQUIRED: 400,
  TENANT_NOT_FOUND: 403,
  CONFLICT: 409,
  BAD_USER_INPUT: 400,
  QUERY_TOO_COMPLEX: 400,
  RATE_LIMITED: 429,
  BILLING_UNAVAILABLE: 503,
};

/** The body of an error: as in GraphQL, so that a client has one way to read them. */
export function errorBody({ code, message, hint, details }: ClientError) {
  return { errors: [{ message, extensions: { code, hint, details } }] };
}

export const notFound: RequestHandler = (request, response) => {
  response.status(404).json(
    errorBody({
      code: "BAD_USER_INPUT",
      message: `There is nothing at ${request.path.slice(0, 200)}`,
    }),
  );
};

/** Answers what came by another method. */
export function onlyPost(message: string): RequestHandler {
  return function refuse(_request, response) {
    response
      .status(405)
      .set("allow", "POST")
      .json(errorBody({ code: "BAD_USER_INPUT", message }));
  };
}

/** The last handler: a client's mistake gets its 4xx, anything else a 500 that says nothing. */
export const handleError: ErrorRequestHandler = (error: unknown, request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const status = clientStatus(error);
  if (status !== undefined) {
    response
      .status(status)
      .json(errorBody({ code: "BAD_USER_INPUT", message: clientMessage(error) }));
    return;
  }
  const described = describe(error);
  if (described.code !== "INTERNAL") {
    response.status(STATUS[described.code] ?? 400).json(errorBody(described));
    return;
  }
  const reference = randomUUID();
  request.log.error({ err: error, reference }, "request failed");
  response.status(500).json(errorBody({ ...described, details: { reference } }));
};

/**
 * Outside GraphQL the statements are our own: that one may not run, waits too long or is cut off is
 * no fault of the client's, and Stripe must be told so. Only values are.
 */
function describe(error: unknown): ClientError {
  const described = describeDatabaseError(error);
  return isRefusal(error) || described.code === "BAD_USER_INPUT" ? described : INTERNAL;
}

/** The 4xx that body parsers and Grafserv put on an error. */
function clientStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || error instanceof Refusal) return undefined;
  const status: unknown = Reflect.get(error, "statusCode") ?? Reflect.get(error, "status");
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}

function clientMessage(error: unknown): string {
  const type: unknown = error instanceof Error ? Reflect.get(error, "type") : undefined;
  if (type === "entity.parse.failed") return "The body is not valid JSON";
  if (type === "entity.too.large") return "The body is too large";
  return error instanceof Error ? error.message : "Bad request";
}
