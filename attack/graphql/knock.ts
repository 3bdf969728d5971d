/** The doors before GraphQL: tokens for other people's tenants, and tokens that nobody issued. */
import { randomUUID } from "node:crypto";

import type { Attempt } from "../attempt.ts";
import type { Planting } from "../fixture/plant.ts";
import type { Cast } from "./actors.ts";
import { askToken } from "./doors.ts";
import { ask, recordOf } from "./http.ts";
import { Socket } from "./socket.ts";

/** Knocks with every session at tenants that are not theirs, and with forged tokens at GraphQL. */
export async function knock(
  url: string,
  { sessions, owner }: Cast,
  { a, b }: Planting,
): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const { name, session } of sessions) {
    const asked = name === "owner" ? [b.tenantId] : [a.tenantId, b.tenantId];
    const nowhere = await askToken(url, session, randomUUID());
    for (const tenantId of asked) {
      const answer = await askToken(url, session, tenantId);
      const isSame = answer.status === nowhere.status && answer.text === nowhere.text;
      const leak = recordOf(answer.body)["accessToken"]
        ? "A token was given."
        : isSame
          ? undefined
          : "The answer is not the one about a tenant that does not exist.";
      attempts.push(attemptAt("POST /auth/token", name, "ask for another tenant", answer, leak));
    }
  }
  for (const [verb, token] of Object.entries(forgeries(owner.token ?? "", b.tenantId))) {
    const query = "query { currentTenant { name } projects { totalCount } }";
    const answer = await ask(url, token, { query, variables: {} });
    const told = Object.values(answer.data ?? {}).filter((value) => value !== null);
    const isRefused =
      told.length === 0 &&
      answer.errors.every(({ extensions }) => extensions?.code === "UNAUTHENTICATED");
    const leak = isRefused ? undefined : `It was taken: ${answer.text.slice(0, 200)}`;
    attempts.push(attemptAt("POST /graphql", "forger", verb, answer, leak));
    using socket = await Socket.connect(url, token);
    const [code] = (socket.refusal ?? "none").split(":");
    const body = { errors: [{ extensions: { code } }] };
    const taken = code === "UNAUTHENTICATED" ? undefined : `It was answered: ${code}`;
    attempts.push(attemptAt("GET /graphql", "forger", verb, { body, status: 101 }, taken));
  }
  return attempts;
}

/** Tokens that say B and were signed by nobody who may. */
function forgeries(token: string, tenantId: string): Record<string, string> {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const claims = { ...decode(payload), tenant_id: tenantId };
  const changed = encode(claims);
  const none = encode({ alg: "none", typ: "JWT" });
  const symmetric = encode({ ...decode(header), alg: "HS256" });
  return {
    "a token with another tenant under the old signature": `${header}.${changed}.${signature}`,
    "a token without a signature": `${header}.${changed}.`,
    "a token of the algorithm none": `${none}.${changed}.`,
    "a token of a symmetric algorithm": `${symmetric}.${changed}.${signature}`,
    "an API key that nobody made": `rh_test_${"0".repeat(48)}`,
    "a tenant's id for a token": tenantId,
  };
}

function decode(part: string): Readonly<Record<string, unknown>> {
  return recordOf(JSON.parse(Buffer.from(part, "base64url").toString()));
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function attemptAt(
  object: string,
  actor: string,
  verb: string,
  { body, status }: { body: unknown; status: number },
  leak: string | undefined,
): Attempt {
  const [first] = [recordOf(body)["errors"]].flat();
  const { code } = recordOf(recordOf(first)["extensions"]);
  return {
    layer: "graphql",
    object,
    actor,
    verb,
    outcome: leak === undefined ? "refused" : "allowed",
    code: typeof code === "string" ? code : `HTTP ${status}`,
    ...(leak === undefined ? {} : { detail: leak }),
    breach: leak !== undefined,
  };
}
