import type { Context } from "./context.ts";
import { invalidParameter } from "./errors.ts";
import { isRecord, list, shape, text } from "./params.ts";
import type { Decoded, Field } from "./params.ts";

type Fields = Record<string, Field<unknown>>;
type Method = "GET" | "POST" | "DELETE";

/** One endpoint: `run` checks the parameters, then does the work and returns what to answer. */
export type Route = {
  method: Method;
  path: string;
  run(context: Context, raw: unknown, id: string): object;
};

/** What a handler gets besides its own parameters. `id` is the one in the path, if there is one. */
type Handler<R extends Fields, O extends Fields> = (
  context: Context,
  params: Decoded<R, O>,
  id: string,
) => object;

const expandPaths = list(text);

/** Declares an endpoint. `expand` is a parameter of every one and is dealt with elsewhere. */
export function route<R extends Fields, O extends Fields>(
  method: Method,
  path: string,
  params: { required?: R; optional?: O },
  handler: Handler<R, O>,
): Route {
  const decode = shape(params.required, params.optional);
  const run = (context: Context, raw: unknown, id: string) => {
    const { expand, ...own } = isRecord(raw) ? raw : {};
    if (expand === "") throw invalidParameter("expand", "Invalid array");
    if (expand !== undefined) expandPaths(expand, "expand");
    return handler(context, decode(own, ""), id);
  };
  return { method, path, run };
}
