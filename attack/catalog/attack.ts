/**
 * The attack on the catalog: every relation and function by every role in every way, on the running
 * database, through the logins that the server and the worker use. Nothing it tries is committed.
 */
import pg from "pg";

import type { Attempt } from "../attempt.ts";
import type { Planting } from "../fixture/plant.ts";
import { actorsOf, type Actor } from "./actors.ts";
import { assignmentsFor } from "./assignments.ts";
import { openDoor, type Door } from "./door.ts";
import { judge, type Court, type Target } from "./judge.ts";
import type { Verdict } from "./verdict.ts";
import { readMap } from "./battlefield.ts";
import { openings, type Probe } from "./probe.ts";
import { readRights, type RoleRights } from "./relations.ts";
import { proven, type Tried } from "./proven.ts";

export type CatalogTarget = {
  /** Who sees all rows and planted them: rowhouse_migrator's or a superuser's URL. */
  privileged: string;
  server: string;
  worker: string;
};

/** What to attack, and by whom; everything unless it is said. */
export type Scope = {
  objects?: (name: string) => boolean;
  actors?: (name: string) => boolean;
};

/** Attacks a planting that is committed; the attempts come back in the order they were made. */
export async function attackCatalog(
  urls: CatalogTarget,
  planting: Planting,
  scope: Scope = {},
): Promise<readonly Attempt[]> {
  const client = new pg.Client({ connectionString: urls.privileged });
  client.on("error", () => {});
  await client.connect();
  const doors = { server: await openDoor(urls.server), worker: await openDoor(urls.worker) };
  try {
    return await attackThrough(doors, client, planting, scope);
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
  { objects = () => true, actors = () => true }: Scope,
): Promise<readonly Attempt[]> {
  const field = await readMap(client, planting);
  const before = await field.witness.fingerprint();
  const tried: Tried[] = field.unattackable.map((verdict) => ({ ...verdict, role: "" }));
  const rights = new Map<string, RoleRights>();
  for (const actor of actorsOf(planting).filter(({ name }) => actors(name))) {
    const court: Court = { ...field, door: doors[actor.login] };
    const { code } = await court.door.enter(actor.enter);
    if (code !== undefined) tried.push(failure(actor, "app_private.enter", `can't enter: ${code}`));
    const held = rights.get(actor.role) ?? (await readRights(client, actor.role));
    rights.set(actor.role, held);
    for (const { target, probes } of assignmentsFor(field, planting, actor, held)) {
      if (objects(target.object)) tried.push(...(await attack(court, target, probes())));
    }
    await court.door.leave();
  }
  if ((await field.witness.fingerprint()) !== before) {
    const verdict = {
      outcome: "allowed",
      detail: "they changed",
      breach: true,
      proved: true,
    } as const;
    tried.push({ object: "B's rows", actor: "everyone", role: "", verb: "afterwards", verdict });
  }
  return proven(tried);
}

async function attack(court: Court, target: Target, probes: readonly Probe[]): Promise<Tried[]> {
  const tried: Tried[] = [];
  await court.door.scout(openings(probes));
  for (const probe of probes) {
    const verdict = await judge(court, target, probe);
    if (verdict === undefined) continue;
    const { object, actor } = target;
    tried.push({ object, actor: actor.name, role: actor.role, verb: probe.verb, verdict });
  }
  return tried;
}

function failure(actor: Actor, object: string, detail: string): Tried {
  const verdict: Verdict = { outcome: "vacuous", detail, breach: false, proved: true };
  return { object, actor: actor.name, role: actor.role, verb: "enter", verdict };
}
