import "./graphile_env.ts";

import { randomUUID } from "node:crypto";

import type { Logger } from "pino";
import { isSafeError } from "postgraphile/grafast";
import { GraphQLError, type ValidationRule } from "postgraphile/graphql";

import { describeDatabaseError, type ClientError } from "./errors.ts";

const TOO_COMPLEX = "QUERY_TOO_COMPLEX";

/**
 * Turns an error of execution into what a client may see. An INTERNAL one is logged with a
 * reference that the client gets too, so that a report leads to the log line.
 */
export function makeMaskError(logger: Logger) {
  return function maskError(error: GraphQLError): GraphQLError {
    const described = describe(error);
    if (described.code !== "INTERNAL") return withClientError(error, described);

    const reference = randomUUID();
    logger.error(
      { err: error.originalError ?? error, reference, path: error.path },
      "request failed",
    );
    return withClientError(error, { ...described, details: { reference } });
  };
}

/** An error of parsing, validation or coercion: the client's document or variables are at fault. */
export function asBadInput(error: GraphQLError): GraphQLError {
  const isTooComplex = error.extensions["code"] === TOO_COMPLEX;
  return withClientError(error, {
    code: isTooComplex ? TOO_COMPLEX : "BAD_USER_INPUT",
    message: error.message,
  });
}

/** Makes whatever a validation rule reports a QUERY_TOO_COMPLEX. */
export function asComplexityRule(rule: ValidationRule): ValidationRule {
  return (context) =>
    rule(
      Object.create(context, {
        reportError: {
          value: (error: GraphQLError) => {
            context.reportError(
              withClientError(error, { code: TOO_COMPLEX, message: error.message }),
            );
          },
        },
      }),
    );
}

/** The schema may have no subscriptions; graphql-js finds that out only while planning, and throws. */
export const knownOperations: ValidationRule = (context) => ({
  OperationDefinition(node) {
    if (context.getSchema().getRootType(node.operation) == null) {
      context.reportError(
        new GraphQLError(`This API has no operation of type ${node.operation}`, { nodes: node }),
      );
    }
  },
});

function describe(error: GraphQLError): ClientError {
  const { originalError } = error;
  if (
    originalError === undefined ||
    originalError === null ||
    originalError instanceof GraphQLError
  ) {
    // Without a path nothing was executed yet: variables did not fit their types.
    return error.path === undefined
      ? { code: "BAD_USER_INPUT", message: error.message }
      : { code: "INTERNAL", message: "Something went wrong on our side" };
  }
  if (isSafeError(originalError)) return { code: "BAD_USER_INPUT", message: error.message };
  return describeDatabaseError(originalError);
}

function withClientError(error: GraphQLError, described: ClientError): GraphQLError {
  const { code, message, hint, details } = described;
  return new GraphQLError(message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
    extensions: {
      code,
      ...(hint === undefined ? {} : { hint }),
      ...(details === undefined ? {} : { details }),
    },
  });
}
