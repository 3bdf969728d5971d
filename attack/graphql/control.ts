/**
 * The positive control: with their own values, A's owner gets what nobody gets with B's. A probe
 * that fails here proves nothing by failing elsewhere.
 */
import type { Attempt } from "../attempt.ts";
import type { House, Planting } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";
import { UNCONTROLLED } from "./exceptions.ts";
import { fire, type Gun } from "./fire.ts";
import { recordOf } from "./http.ts";
import { attemptOf, faultOf, hasRows, type Seen } from "./judge.ts";
import { aim, type Probe } from "./probe.ts";
import { restore } from "./restore.ts";

type Scene = { client: Queryable; planting: Planting };

/** Every read with A's values: rows must come where A has them, and be counted right. */
export async function controlReads(
  gun: Gun,
  probes: readonly Probe[],
  { client, planting }: Scene,
): Promise<Attempt[]> {
  const shots = probes.flatMap((probe) => aim(probe, planting.a) ?? []);
  const attempts: Attempt[] = [];
  // All are asked, so that the documents are those of the attack; those that must be answered count.
  for (const { shot, seen } of await fire(gun, shots)) {
    if (!shot.probe.isControlled) continue;
    const expected = await countOf(client, planting.a, shot.probe);
    const counted = recordOf(seen.data)["totalCount"];
    const leak =
      expected !== undefined && counted !== expected
        ? `It counts ${String(counted)} rows where A has ${expected}.`
        : faultOf(seen);
    attempts.push(controlled(shot.probe, gun, seen, leak));
  }
  return attempts;
}

/** Every mutation with A's values, on A as it was planted. */
export async function controlWrites(
  gun: Gun,
  probes: readonly Probe[],
  { client, planting }: Scene,
): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const probe of probes.filter(({ isControlled }) => isControlled)) {
    const shot = aim(probe, planting.a);
    if (shot === undefined) continue;
    await restore(client, planting, planting.a);
    const [hit] = await fire(gun, [shot]);
    if (hit !== undefined) attempts.push(controlled(probe, gun, hit.seen, faultOf(hit.seen)));
  }
  return attempts;
}

function controlled(probe: Probe, gun: Gun, seen: Seen, leak: string | undefined): Attempt {
  const named = { ...probe, verb: `${probe.verb} (their own)` };
  const attempt = attemptOf(named, gun.actor.name, seen, leak);
  // A conflict is with their own row, a limit is their own: so they were reached.
  const isReached = seen.code === "CONFLICT" || seen.code === "LIMIT_EXCEEDED";
  if (leak !== undefined || hasRows(seen.data) || isReached) return attempt;
  const reason = UNCONTROLLED[probe.object];
  return reason === undefined
    ? { ...attempt, outcome: "vacuous", detail: `It reaches nothing of A's either: ${seen.text}` }
    : { ...attempt, outcome: "allowed", detail: reason };
}

/** How many rows of a table are A's, where that is certain; a person sees of people only themselves. */
async function countOf(
  client: Queryable,
  { tenantId, people }: House,
  { counted }: Probe,
): Promise<number | undefined> {
  if (counted === undefined || counted === "app_public.users") return undefined;
  const [table, column, id] =
    counted === "app_public.tenants"
      ? ["app_public.memberships", "user_id", people.owner.id]
      : [counted, "tenant_id", tenantId];
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::integer as count from ${table} where ${column} = $1`,
    [id],
  );
  return rows[0]?.count;
}
