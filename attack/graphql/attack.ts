/**
 * The attack on the API of a running server: everything that introspection shows, as everybody, with
 * the neighbour's ids. It commits what it does; uproot() takes it away.
 */
import type { Attempt } from "../attempt.ts";
import type { Scope } from "../catalog/attack.ts";
import { readRelations } from "../catalog/relations.ts";
import { witness, type Witness } from "../catalog/witness.ts";
import type { Planting } from "../fixture/plant.ts";
import type pg from "pg";

import { castOf, type Actor } from "./actors.ts";
import { introspect, rowTypeOf, type Api } from "./api.ts";
import { controlReads, controlWrites } from "./control.ts";
import { forbidden, KNOWN_MUTATIONS } from "./exceptions.ts";
import { attackForeign, attackOwn, type Gun } from "./fire.ts";
import { ask, recordOf } from "./http.ts";
import { knock } from "./knock.ts";
import type { Probe } from "./probe.ts";
import { readProbes } from "./reads.ts";
import { restore, suspend } from "./restore.ts";
import { attackSubscriptions, subscriptionProbes } from "./subscriptions.ts";
import { twinOf, type Twin } from "./twin.ts";
import { writeProbes } from "./writes.ts";

export type GraphqlTarget = {
  url: string;
  /** Sees and writes all rows: rowhouse_migrator's or a superuser's connection. */
  client: pg.ClientBase;
  /** Whether there is time for every operator on every column. */
  isExhaustive?: boolean;
  /** What to attack and by whom; everything unless it is said. */
  scope?: Scope;
};

type Scene = GraphqlTarget & { planting: Planting; api: Api; twin: Twin; watch: Witness };

/** A planting that is committed is attacked; the attempts come back in the order they were made. */
export async function attackGraphql(
  target: GraphqlTarget,
  planting: Planting,
): Promise<readonly Attempt[]> {
  const { url, client } = target;
  const cast = await castOf(client, url, planting);
  const api = await introspect(url, planting);
  const cursors = await cursorsOf(url, cast.neighbour, api);
  const watch = await witness(client, planting, await readRelations(client));
  const scene: Scene = { ...target, planting, api, twin: twinOf(planting.b), watch };
  const { objects = () => true, actors = () => true } = target.scope ?? {};
  const inScope = ({ object }: Probe) => objects(object);
  const all = readProbes(api, cursors).filter(inScope);
  const reads = [
    ...all.filter(({ by }) => by === "everybody"),
    ...all.filter(({ by }) => by === "owner"),
    ...all.filter(({ by }) => target.isExhaustive === true && by === "owner at leisure"),
  ];
  const writes = writeProbes(api).filter(inScope);
  const chosen = cast.actors.filter(({ name }) => actors(name));

  const subscriptions = subscriptionProbes(api).filter(inScope);
  const attempts: Attempt[] = [...unattacked(api)];
  attempts.push(...(await knock(url, cast, planting)));
  attempts.push(...(await controlReads({ url, actor: cast.owner }, reads, scene)));
  // What is written below may hold B's words; so everybody reads before anybody writes.
  for (const actor of chosen) {
    attempts.push(...(await attackAs(scene, actor, () => attackAt(scene, actor, reads))));
    const subscribe = () => attackSubscriptions(scene, actor, subscriptions);
    attempts.push(...(await attackAs(scene, actor, subscribe)));
  }
  await restore(client, planting, planting.b);
  attempts.push(...(await controlWrites({ url, actor: cast.owner }, writes, scene)));
  for (const actor of chosen) {
    attempts.push(...(await attackAs(scene, actor, () => attackAt(scene, actor, writes))));
  }
  await restore(client, planting, planting.a);
  return attempts;
}

/** An attack by one actor, on A as it was planted. */
async function attackAs(
  { client, planting }: Scene,
  actor: Actor,
  attack: () => Promise<Attempt[]>,
): Promise<Attempt[]> {
  await restore(client, planting, planting.a);
  if (!actor.isSuspended) return attack();
  await suspend(client, planting.a);
  try {
    return await attack();
  } finally {
    await restore(client, planting, planting.a);
  }
}

/** At B, and at A where the actor has no power. */
async function attackAt(
  { url, planting, api, twin, watch }: Scene,
  actor: Actor,
  probes: readonly Probe[],
): Promise<Attempt[]> {
  const gun: Gun = { url, actor };
  const before = await watch.fingerprint();
  const worth = probes.filter(({ by }) => by === "everybody" || actor.isThorough);
  const attempts = await attackForeign(gun, worth, {
    home: planting.a,
    house: planting.b,
    twin,
  });
  const own = worth.flatMap((probe) => {
    const table = probe.subject === undefined ? undefined : api.tableOf(probe.subject)?.name;
    const reason =
      actor.powers === undefined
        ? actor.name === "removed member" && table !== undefined && "they are no member any more"
        : forbidden(actor.powers, probe, table);
    return reason === undefined || reason === false ? [] : [{ probe, reason }];
  });
  attempts.push(...(await attackOwn(gun, own, planting.a)));
  if ((await watch.fingerprint()) !== before) {
    attempts.push({
      layer: "graphql",
      object: "B's rows",
      actor: actor.name,
      verb: probes[0]?.operation === "mutation" ? "after all mutations" : "after all queries",
      outcome: "allowed",
      detail: "They changed.",
      breach: true,
    });
  }
  return attempts;
}

/** A cursor at a row of B's for each list, as B's owner sees it. */
async function cursorsOf(
  url: string,
  token: string,
  { queries }: Api,
): Promise<Map<string, string>> {
  const lists = queries.filter((field) => rowTypeOf(field) !== undefined).map(({ name }) => name);
  const query = `query { ${lists.map((name) => `${name}(first: 1) { pageInfo { endCursor } }`).join(" ")} }`;
  const { data } = await ask(url, token, { query, variables: {} });
  const cursors = new Map<string, string>();
  for (const name of lists) {
    const { endCursor } = recordOf(recordOf(recordOf(data)[name])["pageInfo"]);
    if (typeof endCursor === "string") cursors.set(name, endCursor);
  }
  return cursors;
}

/** What this attack does not know how to try fails it, by name. */
function unattacked({ mutations }: Api): Attempt[] {
  const names = new Set(mutations.map(({ name }) => name));
  return KNOWN_MUTATIONS.filter((name) => !names.has(name)).map((name) => ({
    layer: "graphql",
    object: `Mutation.${name}`,
    actor: "nobody",
    verb: "attack",
    outcome: "vacuous",
    detail: "attack/graphql/exceptions.ts names it; the API has it no more.",
    breach: false,
  }));
}
