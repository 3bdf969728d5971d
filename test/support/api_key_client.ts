/** API keys over HTTP, as a frontend makes them. */
import { randomUUID } from "node:crypto";

import type { Member } from "./tenant_life.ts";

export type KeyMade = {
  apiKey: { rowId: string; name: string; scopes: string[]; hint: string };
  secret: string;
};

/** A key of the member's tenant with a name of its own. */
export async function makeApiKey(
  { ask }: Pick<Member, "ask">,
  scopes: readonly string[],
  expiresAt: string | null = null,
): Promise<KeyMade> {
  const { data, errors } = await ask(
    `mutation ($name: String!, $scopes: [String]!, $expiresAt: Datetime) {
      createApiKey(input: { name: $name, scopes: $scopes, expiresAt: $expiresAt }) {
        result { apiKey { rowId name scopes hint } secret }
      }
    }`,
    { name: `CI ${randomUUID()}`, scopes, expiresAt },
  );
  const made = data?.["createApiKey"] as { result: KeyMade } | null | undefined;
  if (!made) throw new Error(`createApiKey failed: ${JSON.stringify(errors)}`);
  return made.result;
}
