import "./graphile_env.ts";

import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  type ExecutionResult,
} from "postgraphile/graphql";

import { Refusal } from "./errors.ts";

/**
 * No mutation answers null and nothing more. PostGraphile skips one whose global id can't be read,
 * or is another type's, without a word; the caller would take it for done.
 */
export const LoudMutationsPlugin: GraphileConfig.Plugin = {
  name: "RowhouseLoudMutationsPlugin",
  version: "1.0.0",
  grafast: {
    middleware: {
      async execute(next, { args }) {
        const result = await next();
        const operation = getOperationAST(args.document, args.operationName);
        const isMutation = operation?.operation === OperationTypeNode.MUTATION;
        return isMutation && "data" in result ? withSkippedFields(result) : result;
      },
    },
  },
};

/** Adds an error for each field that is null though nothing went wrong. */
function withSkippedFields(result: ExecutionResult): ExecutionResult {
  const { data, errors = [] } = result;
  const failed = new Set(errors.map(({ path }) => path?.[0]));
  const skipped = Object.entries(data ?? {})
    .filter(([key, value]) => value === null && !failed.has(key))
    .map(([key]) => {
      const originalError = new Refusal(
        "INPUT",
        "Nothing was changed: no such row, or no id of one",
      );
      return new GraphQLError(originalError.message, { path: [key], originalError });
    });
  return skipped.length === 0 ? result : { ...result, errors: [...errors, ...skipped] };
}
