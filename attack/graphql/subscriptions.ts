/**
 * The attack on subscriptions: as everybody, over a websocket, while B changes and then A. What B's
 * change sets off must not be heard, and neither must what it is about. A's change comes last, and
 * notifications come in order: who hears it has heard all that there was to hear.
 */
import type { Attempt } from "../attempt.ts";
import { telltaleOf } from "../catalog/telltale.ts";
import type { House, Planting } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";
import type { Actor } from "./actors.ts";
import type { Api } from "./api.ts";
import { recordOf, errorOf } from "./http.ts";
import { attemptOf, faultOf, type Seen } from "./judge.ts";
import { aim, volleyOf, type Probe, type Shot } from "./probe.ts";
import { argument } from "./reads.ts";
import { selectionOf } from "./selection.ts";
import { Socket } from "./socket.ts";

const DEPTH = 3;
const ID = "1";
/** Events after the first: of the forged notification, and of A's change. */
const A_S_OWN = 2;
const SETTLE_MS = 400;

/** Every subscription of the API, with all that its payload shows. */
export function subscriptionProbes(api: Api): Probe[] {
  return api.subscriptions.map((field) => ({
    operation: "subscription",
    object: `Subscription.${field.name}`,
    verb: "subscribe",
    field: field.name,
    subject: undefined,
    args: field.args.map((arg) => argument(api, arg, undefined)),
    selection: selectionOf(field.type, DEPTH),
    isControlled: true,
    isShared: false,
    by: "everybody",
  }));
}

type Scene = { url: string; client: Queryable; planting: Planting };

/** Subscribes with B's ids, where a subscription takes any, and with A's. */
export async function attackSubscriptions(
  scene: Scene,
  actor: Actor,
  probes: readonly Probe[],
): Promise<Attempt[]> {
  const { a, b } = scene.planting;
  const attempts: Attempt[] = [];
  for (const probe of probes) {
    const own = aim({ ...probe, verb: `${probe.verb} (their own)` }, a);
    const foreign = probe.args.length === 0 ? undefined : aim(probe, b);
    for (const shot of [own, foreign]) {
      if (shot !== undefined) attempts.push(await attack(scene, actor, shot, shot === own));
    }
  }
  return attempts;
}

async function attack(
  { url, client, planting }: Scene,
  actor: Actor,
  shot: Shot,
  isOwn: boolean,
): Promise<Attempt> {
  const { a, b } = planting;
  using socket = await Socket.connect(url, actor.token);
  const { query, variables } = volleyOf([shot]);
  socket.subscribe(ID, { query, variables });
  const isOver = () => socket.errors(ID) !== undefined;
  const heard = () => socket.events(ID).length;
  await socket.until(() => heard() > 0 || isOver());
  const before = heard();
  await stir(client, b);
  // Any role can send one: it must make the server look again, and believe nothing of it.
  await forge(client, a, b);
  await stir(client, a);
  await socket.until(() => heard() >= before + A_S_OWN || isOver());
  // One too many may be on its way yet. Whose change it is that is told depends on nobody's rights.
  if (actor.isThorough) await socket.until(() => heard() > before + A_S_OWN, SETTLE_MS);
  const changes = heard() - before;

  const seen = seenOf(socket, before > 0);
  const told = actor.foreign
    .map((house) => telltaleOf(house)(seen.text, JSON.stringify(shot.values) + actor.name))
    .find((word) => word !== undefined);
  const isStranger = actor.powers === undefined || !isOwn;
  const leak =
    told !== undefined
      ? `The events tell "${told}".`
      : isStranger && seen.data !== null
        ? "They were told something, though it is none of theirs."
        : changes > A_S_OWN
          ? "They were told of a change that was B's."
          : faultOf(seen);
  const attempt = attemptOf(shot.probe, actor.name, seen, leak);
  const isDeaf = actor.name === "owner" && isOwn && (before === 0 || changes < A_S_OWN);
  return isDeaf && leak === undefined
    ? {
        ...attempt,
        outcome: "vacuous",
        detail: `A's own changes are not told either: ${seen.text}`,
      }
    : attempt;
}

/** All that was heard, as one answer. */
function seenOf(socket: Socket, isTold: boolean): Seen {
  const events = socket.events(ID);
  const said = [
    ...events.flatMap((event) => (Array.isArray(event["errors"]) ? event["errors"] : [])),
    ...(socket.errors(ID) ?? []),
    ...(socket.refusal === undefined ? [] : [asError(socket.refusal)]),
  ];
  const errors = said.map(errorOf);
  const data = isTold ? (recordOf(events.at(-1)?.["data"])["p0"] ?? null) : null;
  const [first] = errors;
  const code = first && (first.extensions?.code ?? "none");
  return { status: 200, data, errors, code, text: JSON.stringify({ events, errors }) };
}

/** The reason of a close begins with a code. */
function asError(reason: string): object {
  const [code = ""] = reason.split(":");
  return { message: reason, extensions: { code } };
}

/** Changes a tenant's row: what a subscription is likely to tell of. */
async function stir(client: Queryable, { tenantId }: House): Promise<void> {
  await client.query(
    `update app_public.tenants set cancel_at = coalesce(cancel_at, now()) + interval '1 minute'
    where id = $1`,
    [tenantId],
  );
}

async function forge(client: Queryable, a: House, b: House): Promise<void> {
  await client.query("select pg_notify('rowhouse_tenants', $1)", [
    JSON.stringify({ tenant_id: a.tenantId, topic: "tenant", row_id: b.people.owner.id }),
  ]);
}
