import type { RequestHandler } from "express";

import { Refusal } from "./errors.ts";
import { errorBody } from "./http_errors.ts";

/** Refuses what is no GraphQL request, as Grafserv would, but with a code and a cure. */
export const requireGraphqlRequest: RequestHandler = (request, response, next) => {
  if (!request.accepts(["application/graphql-response+json", "application/json"])) {
    const message = "The answer is application/json; Accept must allow it";
    response.status(406).json(errorBody({ code: "BAD_USER_INPUT", message }));
    return;
  }
  const body: unknown = request.body;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Refusal(
      "INPUT",
      "The body must be a JSON object with a query, sent as application/json",
    );
  }
  const field = (name: string): unknown => Reflect.get(body, name) ?? undefined;
  if (typeof field("query") !== "string") throw new Refusal("INPUT", '"query" must be a text');
  if (!["undefined", "string"].includes(typeof field("operationName"))) {
    throw new Refusal("INPUT", '"operationName" must be a text');
  }
  for (const name of ["variables", "extensions"]) {
    const value = field(name);
    if (value !== undefined && (typeof value !== "object" || Array.isArray(value))) {
      throw new Refusal("INPUT", `"${name}" must be an object`);
    }
  }
  next();
};
