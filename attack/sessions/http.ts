/** The same through a running server: requests of all tenants, some of which hang up, and trouble. */
import { randomUUID } from "node:crypto";

import type { Random } from "./random.ts";
import { ANSWERED, CUT_OFF, type Tally } from "./tally.ts";
import { foreignIn, type Crowd, type Lodger } from "./tenants.ts";
import { makeTrouble } from "./trouble.ts";

/** What the server calls its own connections. */
const APPLICATION = "rowhouse-server";
const OBJECT = "the server, over HTTP";
const AT_ONCE = 20;
const TIMEOUT_MS = 30_000;

type Ask = { verb: string; share: number; query: string; code?: string };

const ASKS: readonly Ask[] = [
  {
    verb: "read",
    share: 60,
    query: "{ currentTenant { rowId name } memberships { nodes { tenantId } } }",
  },
  {
    verb: "write without the permission",
    share: 10,
    code: "BAD_USER_INPUT",
    query: `mutation {
      updateTenant(input: { rowId: "$tenant", patch: { name: "Taken" } }) { clientMutationId }
    }`,
  },
  { verb: "use a feature", share: 10, query: consume(1) },
  { verb: "use more than there is", share: 10, code: "LIMIT_EXCEEDED", query: consume(1_000_000) },
  { verb: "hang up", share: 10, query: "{ currentTenant { rowId name } }" },
];

function consume(amount: number): string {
  return `mutation {
    consumeFeature(input: { feature: "apiCalls", amount: ${amount}, idempotencyKey: "$key" }) {
      entitlement { feature }
    }
  }`;
}

/** Sends so many requests, each with a key of one of the tenants. */
export async function besiegeServer(
  { url, server }: { url: string; server: string },
  crowd: Crowd,
  { requests, random, tally }: { requests: number; random: Random; tally: Tally },
): Promise<void> {
  const trouble = await makeTrouble(server, APPLICATION, random);
  let left = requests;
  async function press(): Promise<void> {
    while (left > 0) {
      left -= 1;
      await request(url, crowd, random, tally);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, press));
  const { cancelled, killed } = await trouble.stop();
  const strikes = (verb: string) => ({ object: OBJECT, verb, mustAnswer: true });
  tally.count(strikes("cancel statements from the side"), cancelled > 0 ? ANSWERED : "missed");
  tally.count(strikes("kill connections from the side"), killed > 0 ? ANSWERED : "missed");
  // Whoever strikes one connection fails one request. What failed besides, failed by itself.
  const failed = tally.total(OBJECT, CUT_OFF);
  const besides = failed - cancelled - killed;
  const fault = `${failed} requests failed for ${cancelled + killed} strikes`;
  tally.count(strikes("fail for no reason"), ANSWERED, besides > 0 ? fault : undefined);
}

async function request(url: string, crowd: Crowd, random: Random, tally: Tally): Promise<void> {
  const lodger = random.of(crowd.lodgers);
  let chance = random.below(100);
  const asked = ASKS.find(({ share }) => (chance -= share) < 0) ?? random.of(ASKS);
  const { verb, code, query } = asked;
  const isHangingUp = verb === "hang up";
  const kind = { object: OBJECT, verb, mustAnswer: !isHangingUp && code === undefined };
  try {
    const text = await send(url, lodger, query, isHangingUp ? random.below(8) : TIMEOUT_MS);
    tally.count(kind, ...verdict(text, lodger, crowd, asked));
  } catch (error) {
    const isOurs = isHangingUp && error instanceof Error && error.name === "TimeoutError";
    tally.count(kind, "hung up", isOurs ? undefined : `It failed: ${String(error)}`);
  }
}

async function send(url: string, { key, tenantId }: Lodger, query: string, afterMs: number) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({
      query: query.replace("$tenant", tenantId).replace("$key", randomUUID()),
    }),
    signal: AbortSignal.timeout(afterMs),
  });
  return response.text();
}

/** A connection that was killed under a request makes it fail, but tells nothing. */
function verdict(
  text: string,
  lodger: Lodger,
  crowd: Crowd,
  { verb, code }: Ask,
): [string, string | undefined] {
  const foreign = foreignIn(text, lodger, crowd);
  if (foreign !== undefined) return [ANSWERED, `${lodger.canary} was answered with ${foreign}`];
  const [, refusal] = /"code":"(\w+)"/.exec(text) ?? [];
  if (refusal === "INTERNAL" || refusal === "QUERY_TOO_COMPLEX") return [CUT_OFF, undefined];
  if (refusal !== code && verb !== "hang up")
    return [refusal ?? ANSWERED, `It was answered ${text.slice(0, 300)}`];
  const isOwn = verb !== "read" || text.includes(lodger.canary);
  return [refusal ?? ANSWERED, isOwn ? undefined : `${lodger.canary} did not see its own rows`];
}
