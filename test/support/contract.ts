/** What the contract promises of every refusal; the tests hold all doors to it. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { REFUSALS, SERVER_CODES } from "../../server/errors.ts";
import type { GraphQLAnswer } from "./client.ts";

/** A file of the repository. */
export function repositoryFile(path: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
}

/** Every code that a refusal may carry. */
export const CODES: readonly string[] = [...Object.values(REFUSALS), ...SERVER_CODES];

/**
 * What is wrong with an answer to a bad request: nothing when it is a 4xx, or GraphQL's 200 with
 * errors, each of a code in the contract that blames the client.
 */
export function faultOf(answer: { status: number; body: unknown }): string | undefined {
  const { status, body } = answer;
  if (status >= 500) return `status ${status}`;
  const { errors } = (typeof body === "object" && body !== null ? body : {}) as Partial<
    Pick<GraphQLAnswer, "errors">
  >;
  if (!Array.isArray(errors)) return status >= 400 ? "no typed error" : undefined;
  const codes = errors.map((error) => error.extensions?.code ?? "none");
  const strange = codes.filter((code) => !CODES.includes(code) || code === "INTERNAL");
  return strange.length > 0 ? `${status} with code ${strange.join(", ")}` : undefined;
}
