/**
 * engine: the same events, of changes that followed each other within seconds, handled by Rowhouse
 * and by Supabase's stripe-sync-engine; both get them shuffled, over 16 connections, when every
 * change has been made at Stripe. Either has a database of its own on the same server.
 *
 * Ours: the real server and worker as processes; an event is handled when it is processed.
 * Baselines: the engine as it is by default, which believes what an event says, and as it is when
 * told to ask Stripe about subscriptions; an event is handled when it is answered.
 *
 * It copies objects, we decide what a tenant may do: a comparison of ways to handle events, not of
 * products. What is counted is whether the subscription's end is known rightly afterwards.
 */
import { createHash } from "node:crypto";

import type { BenchServer } from "./database.ts";
import { engineSide, ourSide, type Side } from "./engine_sides.ts";
import type { Scale } from "./options.ts";
import { startPayers, type Payers } from "./payers.ts";
import type { Outcome, Result } from "./report.ts";
import { webhookRequest } from "./signed_events.ts";
import { pairedRatio, quantile } from "./statistics.ts";

const AT_ONCE = 16;
/** Of each subscription; every other one has one more, so that they end differently. */
const CHANGES = 5;
const WARM_UP = 1;
const MAX_EVENTS = 10_000;

export type EngineOptions = {
  server: BenchServer;
  scale: Pick<Scale, "engineRounds" | "engineCustomers">;
  log: (line: string) => void;
};

export async function benchEngine({ server, scale, log }: EngineOptions): Promise<Outcome> {
  const databases = [
    await server.createDatabase(),
    await server.createDatabase(),
    await server.createDatabase(),
  ] as const;
  const [ours, believing, asking] = databases;
  await using stack = new AsyncDisposableStack();
  for (const database of databases) stack.defer(() => server.dropDatabase(database));

  log(`engine: ${scale.engineCustomers} subscriptions that change`);
  const stripe = stack.use(await startPayers(scale.engineCustomers, [ours]));
  const payloads = await changeAll(stripe);
  const given = { stripe, stack };
  const sides = [
    await ourSide(ours, given),
    await engineSide(believing, { ...given, asksStripe: false }),
    await engineSide(asking, { ...given, asksStripe: true }),
  ] as const;
  for (let round = -WARM_UP; round < scale.engineRounds; round += 1) {
    log(`engine: round ${round + 1}`);
    for (let turn = 0; turn < sides.length; turn += 1) {
      const side = sides[(turn + round + WARM_UP) % sides.length];
      // Signed anew: signatures are good for five minutes.
      const handled = await side?.handle(payloads.map(webhookRequest));
      if (round >= 0 && handled !== undefined) side?.rounds.push(handled);
    }
  }
  const [rowhouse, ...engines] = sides;
  return {
    results: engines.flatMap((engine) => [
      compare("answered", rowhouse, engine, payloads.length),
      compare("applied", rowhouse, engine, payloads.length),
    ]),
    notes: sides.map((side) => remark(side, scale.engineCustomers)),
    plans: [],
  };
}

function compare(what: "answered" | "applied", ours: Side, theirs: Side, events: number): Result {
  const [a, b] = [ours.rounds.map((r) => r[what]), theirs.rounds.map((r) => r[what])];
  return {
    name: "engine",
    case: `${events} events ${what}, ${theirs.name}`,
    baseline: "@supabase/stripe-sync-engine",
    unit: "events/s",
    better: "higher",
    ratio: pairedRatio(a, b),
    ours: quantile(a, 0.5),
    theirs: quantile(b, 0.5),
  };
}

function remark({ name, rounds }: Side, subscriptions: number): string {
  const each = (key: "wrong" | "refused") => rounds.map((round) => round[key]).join(", ");
  return (
    `engine, ${name}: of ${subscriptions} subscriptions wrong afterwards, round by round: ` +
    `${each("wrong")}; events refused: ${each("refused")}.`
  );
}

/** Changes every subscription several times; the events of that, shuffled. */
async function changeAll({ stripe, payers }: Payers): Promise<string[]> {
  const changing = payers.entries();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [number, { subscription }] of changing) {
        for (let change = 0; change < CHANGES + (number % 2); change += 1) {
          await stripe.subscriptions.update(subscription, {
            cancel_at_period_end: change % 2 === 0,
          });
        }
      }
    }),
  );
  const events = await stripe.events
    .list({ type: "customer.subscription.updated", limit: 100 })
    .autoPagingToArray({ limit: MAX_EVENTS });
  const place = (id: string) => createHash("md5").update(id).digest("hex");
  return events
    .toSorted((a, b) => (place(a.id) < place(b.id) ? -1 : 1))
    .map((event) => JSON.stringify(event, null, 2));
}
