/**
 * The attack on the catalog: every relation by every role in every way, on the running database,
 * through the logins that the server and the worker use. Nothing that it tries is ever committed.
 */
import pg from "pg";

import { collector, type Attempt } from "../attempt.ts";
import type { Planting } from "../fixture/plant.ts";
import { actorsOf, type Actor } from "./actors.ts";
import { openDoor, type Door } from "./door.ts";
import { readExceptions } from "./exceptions.ts";
import { judge, type Court, type Target, type Verdict } from "./judge.ts";
import { ownedBy } from "./owned.ts";
import { openings } from "./probe.ts";
import { probesFor } from "./probes.ts";
import { readRelations, readRights, type Relation } from "./relations.ts";
import { telltaleOf } from "./telltale.ts";
import { witness } from "./witness.ts";

export type CatalogTarget = {
  /** Who sees all rows and planted them: rowhouse_migrator's or a superuser's URL. */
  privileged: string;
  server: string;
  worker: string;
};

/** A planting that is committed is attacked; the attempts come back in the order they were made. */
export async function attackCatalog(
  urls: CatalogTarget,
  planting: Planting,
): Promise<readonly Attempt[]> {
  const client = new pg.Client({ connectionString: urls.privileged });
  client.on("error", () => {});
  await client.connect();
  const doors = { server: await openDoor(urls.server), worker: await openDoor(urls.worker) };
  try {
    return await attackThrough(doors, client, planting);
  } finally {
    await doors.server.close();
    await doors.worker.close();
    await client.end();
  }
}

async function attackThrough(
  doors: Record<Actor["login"], Door>,
  client: pg.Client,
  planting: Planting,
): Promise<readonly Attempt[]> {
  const relations = await readRelations(client);
  const seen = await witness(client, planting, relations);
  const before = await seen.fingerprint();
  const common = {
    witness: seen,
    exceptions: await readExceptions(client),
    telltale: telltaleOf(planting.b),
  };
  const { attempts, add } = collector();
  for (const { table, reason } of planting.vacuous) {
    add({
      ...ATTEMPT,
      object: table,
      actor: "planter",
      verb: "plant",
      detail: reason,
      outcome: "vacuous",
    });
  }
  const tried: Tried[] = [];
  for (const actor of actorsOf(planting)) {
    const court: Court = { ...common, door: doors[actor.login] };
    const rights = await readRights(client, actor.role);
    const { code } = await court.door.enter(actor.enter);
    if (code !== undefined) {
      add({
        ...ATTEMPT,
        object: "the door",
        actor: actor.name,
        verb: "enter",
        code,
        outcome: "vacuous",
      });
    }
    for (const relation of relations) {
      tried.push(...(await attackRelation(court, actor, relation, planting, rights)));
    }
    await court.door.leave();
  }
  for (const attempt of proven(tried)) add(attempt);
  const unharmed = (await seen.fingerprint()) === before;
  if (!unharmed) {
    add({
      ...ATTEMPT,
      object: "B's rows",
      actor: "everyone",
      verb: "afterwards",
      breach: true,
      detail: "they changed",
    });
  }
  return attempts;
}

const ATTEMPT = { layer: "catalog", outcome: "allowed", breach: false } as const;

type Tried = { actor: Actor; object: string; verb: string; verdict: Verdict };

async function attackRelation(
  court: Court,
  actor: Actor,
  relation: Relation,
  planting: Planting,
  rights: Awaited<ReturnType<typeof readRights>>,
): Promise<Tried[]> {
  const target: Target = { object: relation.name, actor, rows: whoseRows(planting, relation) };
  const tried: Tried[] = [];
  const probes = probesFor(planting, relation, rights.get(relation.name));
  await court.door.scout(openings(probes));
  for (const probe of probes) {
    const verdict = await judge(court, target, probe);
    if (verdict === undefined) continue;
    tried.push({ actor, object: relation.name, verb: probe.verb, verdict });
  }
  return tried;
}

function whoseRows({ b }: Planting, relation: Relation): Target["rows"] {
  if (ownedBy(b, relation) !== undefined) return "owned";
  return relation.kind === "view" || relation.kind === "materialized view" ? "mixed" : "shared";
}

/** An attack that came to nothing proves something only if it works where it may. */
function proven(tried: readonly Tried[]): Attempt[] {
  const group = ({ object, verb, actor }: Tried) => `${object}\n${verb}\n${actor.role}`;
  const works = new Set(
    tried.filter(({ verdict }) => verdict.outcome !== "refused" && verdict.proved).map(group),
  );
  return tried.map((one) => {
    const { proved, ...verdict } = one.verdict;
    const attempt = {
      ...verdict,
      layer: "catalog",
      object: one.object,
      actor: one.actor.name,
      verb: one.verb,
    } as const;
    if (proved || works.has(group(one))) return attempt;
    return { ...attempt, outcome: "vacuous", detail: "it reaches nothing of A's either" };
  });
}
