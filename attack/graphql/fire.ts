/** Fires shots at a server and judges what comes back. */
import type { Attempt } from "../attempt.ts";
import { telltaleOf, type Telltale } from "../catalog/telltale.ts";
import type { House } from "../fixture/plant.ts";
import type { Actor } from "./actors.ts";
import { ask, type GraphqlAnswer } from "./http.ts";
import { attemptOf, faultOf, hasRows, seenOf, type Seen } from "./judge.ts";
import { aim, volleyOf, volleys, type Probe, type Shot } from "./probe.ts";
import type { Twin } from "./twin.ts";

export type Gun = { url: string; actor: Actor };

/** What became of a shot. */
export type Hit = { shot: Shot; seen: Seen; headers: string };

/** Queries at once; a server has two or more processors. */
const AT_ONCE = 3;

/** Sends shots in as few requests as can be. Mutations go one after the other. */
export async function fire({ url, actor }: Gun, shots: readonly Shot[]): Promise<Hit[]> {
  const pending = volleys(shots);
  const isQuery = shots[0]?.probe.operation === "query";
  const hits = new Map<Shot, Hit>();
  async function work(): Promise<void> {
    for (let some = pending.shift(); some !== undefined; some = pending.shift()) {
      const { query, variables } = volleyOf(some);
      const answer = await ask(url, actor.token, { query, variables });
      // One that the server can't even read takes the others with it: find it.
      if (some.length > 1 && isUnread(answer)) {
        const half = Math.ceil(some.length / 2);
        pending.unshift(some.slice(0, half), some.slice(half));
        continue;
      }
      for (const [n, shot] of some.entries()) {
        hits.set(shot, { shot, seen: seenOf(answer, `p${n}`), headers: answer.headers });
      }
    }
  }
  await Promise.all(Array.from({ length: isQuery ? AT_ONCE : 1 }, work));
  return shots.flatMap((shot) => hits.get(shot) ?? []);
}

function isUnread({ data, errors }: GraphqlAnswer): boolean {
  const codes = errors.map(({ extensions }) => extensions?.code);
  return (
    data === undefined &&
    codes.some((code) => code === "BAD_USER_INPUT" || code === "QUERY_TOO_COMPLEX")
  );
}

/** Attacks B: the answers must tell nothing of it, not even that it is there. */
export async function attackForeign(
  gun: Gun,
  probes: readonly Probe[],
  { home, house, twin }: { home: House; house: House; twin: Twin },
): Promise<Attempt[]> {
  const shots = probes
    .flatMap((probe) => aim(probe, house) ?? [])
    // A mutation that names nothing of B's is no attack on it, but it would change A.
    .filter(
      ({ probe, values }) => probe.operation === "query" || !isSame(aim(probe, home), values),
    );
  const others = new Map<Shot, Shot>();
  for (const shot of shots) {
    const values = Object.fromEntries(
      Object.entries(shot.values).map(([name, value]) => [name, twin.of(value)]),
    );
    if (!isSame(shot, values)) others.set(shot, { probe: shot.probe, values });
  }
  const hits = await fire(gun, shots);
  const twins = new Map((await fire(gun, [...others.values()])).map((hit) => [hit.shot, hit]));
  const telltales = gun.actor.foreign.map(telltaleOf);
  const attempts: Attempt[] = [];
  for (const hit of hits) {
    const otherShot = others.get(hit.shot);
    const other = otherShot && twins.get(otherShot);
    const leak =
      toldBy(hit, telltales, gun.actor) ??
      faultOf(hit.seen) ??
      (other && (await tellsApart(gun, hit, other, twin)));
    attempts.push(attemptOf(hit.shot.probe, gun.actor.name, hit.seen, leak));
  }
  return attempts;
}

function isSame(shot: Shot | undefined, values: Shot["values"]): boolean {
  return JSON.stringify(shot?.values) === JSON.stringify(values);
}

/** Attacks A with A's own ids, where the attacker has no power to do so. */
export async function attackOwn(
  gun: Gun,
  probes: readonly { probe: Probe; reason: string }[],
  house: House,
): Promise<Attempt[]> {
  const aimed = probes.flatMap(({ probe, reason }) => {
    const shot = aim(probe, house);
    return shot === undefined ? [] : [{ shot, reason }];
  });
  const reasons = new Map(aimed.map(({ shot, reason }) => [shot, reason]));
  const telltales = gun.actor.foreign.map(telltaleOf);
  const hits = await fire(gun, [...reasons.keys()]);
  return hits.map((hit) => {
    const { shot, seen } = hit;
    const leak =
      seen.code === undefined && hasRows(seen.data)
        ? `It was done, though ${reasons.get(shot)}.`
        : (toldBy(hit, telltales, gun.actor) ?? faultOf(seen));
    const probe = { ...shot.probe, verb: `${shot.probe.verb} (their own)` };
    return attemptOf(probe, gun.actor.name, seen, leak);
  });
}

/** What of a house's an answer tells, apart from what was said to it. */
function toldBy(
  { shot, seen, headers }: Hit,
  telltales: readonly Telltale[],
  actor: Actor,
): string | undefined {
  for (const telltale of telltales) {
    const told = telltale(`${seen.text}\n${headers}`, JSON.stringify(shot.values) + actor.name);
    if (told !== undefined) return `The answer tells "${told}".`;
  }
  return undefined;
}

/**
 * Whether B's row can be told from one that does not exist. What a mutation answers may depend on
 * those before it, such as a count; so the first is asked again before it is believed.
 */
async function tellsApart(gun: Gun, hit: Hit, other: Hit, twin: Twin): Promise<string | undefined> {
  const gist = ({ shot, seen }: Hit) =>
    shot.probe.operation === "mutation"
      ? JSON.stringify([seen.data === null, seen.errors.map(withoutPath)])
      : JSON.stringify([seen.data, seen.errors.map(withoutPath)]);
  const isLike = (one: Hit, another: Hit) => gist(one) === twin.back(gist(another));
  if (isLike(hit, other)) return undefined;
  const [again] = await fire(gun, [hit.shot]);
  const [otherAgain] = await fire(gun, [other.shot]);
  if (again !== undefined && otherAgain !== undefined && isLike(again, otherAgain)) {
    return undefined;
  }
  return `It is not the answer about a row that does not exist: ${gist(other).slice(0, 300)}`;
}

/** An error as it would stand anywhere in an answer. */
function withoutPath({ message, extensions }: { message: string; extensions?: unknown }) {
  return { message, extensions };
}
