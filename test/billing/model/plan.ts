/** What is going to happen in a round: made from its seed, before anything does. */
import { chanceOf, type Chance } from "./chance.ts";

/** What one tenant's people, its operator and the dashboard do; the commonest more than once. */
export const DEEDS = [
  "click again",
  "pay",
  "pay",
  "pay",
  "consume",
  "invite",
  "rename",
  "renew",
  "renew",
  "cancel",
  "schedule cancellation",
  "unschedule cancellation",
  "pause collection",
  "resume collection",
  "pause",
  "resume",
  "change plan",
  "change plan",
  "pay invoice",
  "void invoice",
  "write off invoice",
  "refund",
  "change card",
  "delete customer",
  "provision again",
  "provision again",
  "check out",
  "check out",
  "check out",
  "look and change plan",
  "look and change plan",
  "cancel subscription",
  "resume subscription",
  "open portal",
] as const;

/** At first most pay: little can happen to a tenant that has not. */
const PAYING = ["pay", "pay", "check out", ...DEEDS.slice(0, 4)] as const;

/** What happens to all at once. */
export const EVENTS = [
  "advance",
  "fault",
  "fault",
  "fault",
  "hold webhooks",
  "let webhooks go",
  "kill worker",
] as const;

export type Deed = { history: number; deed: (typeof DEEDS)[number] | "found"; choice: number };
export type Happening = {
  event: (typeof EVENTS)[number] | "kill server" | "look at Stripe";
  choice: number;
};

/** Deeds of a beat happen at the same time, then what happens to all. */
export type Beat = { deeds: Deed[]; happening: Happening | undefined };

export type Plan = {
  seed: number;
  chaos: Record<string, number> & { drop_forever: number };
  beats: Beat[];
};

const BEATS = 14;
/** Of a round of few histories, which is to be over soon. */
const FEW = { histories: 8, beats: 8 };
const AT_ONCE = 5;
/** How many deeds one history has of its own, about. */
const DEEDS_EACH = 6;

/** The plan of a round of so many histories. */
export function planOf(seed: number, histories: number): Plan {
  const chance = chanceOf(seed);
  const chaos = {
    seed: chance.below(1_000_000),
    duplicate: chance.pick([0, 0.1, 0.5]),
    reorder: chance.pick([0, 0.3, 0.7]),
    drop: chance.pick([0, 0.1, 0.3]),
    // In half of the rounds nothing is lost for good: there, events alone must be enough.
    drop_forever: chance.pick([0, 0, 0.05, 0.3]),
    twin: chance.pick([0, 0.1, 0.3]),
    delay_ms: chance.pick([0, 50, 300]),
  };
  const founding: Beat[] = [];
  for (let history = 0; history < histories; history += AT_ONCE) {
    const deeds = Array.from({ length: Math.min(AT_ONCE, histories - history) }, (_, offset) => ({
      history: history + offset,
      deed: "found" as const,
      choice: chance.below(1_000_000),
    }));
    founding.push({ deeds, happening: happening(chance) });
  }
  const length = histories <= FEW.histories ? FEW.beats : BEATS;
  const beats = Array.from({ length }, (_, n) => {
    const deeds = n < length / 3 ? PAYING : DEEDS;
    return beatOf(chance, { histories, share: DEEDS_EACH / length, deeds });
  });
  const killed = beats[chance.below(length)];
  if (killed !== undefined) killed.happening = { event: "kill server", choice: 0 };
  // Where events alone must be enough, nobody looks.
  if (chaos.drop_forever > 0) {
    const looked = beats[chance.below(length)];
    if (looked?.happening === undefined && looked !== undefined) {
      looked.happening = { event: "look at Stripe", choice: chance.below(1_000_000) };
    }
  }
  return { seed, chaos, beats: [...founding, ...beats] };
}

function beatOf(
  chance: Chance,
  {
    histories,
    share,
    deeds: among,
  }: { histories: number; share: number; deeds: readonly Deed["deed"][] },
): Beat {
  const all = Array.from({ length: histories }, (_, history) => history);
  const chosen = all.filter(() => chance.happens(share));
  const deeds = chosen.map((history) => ({
    history,
    deed: chance.pick(among),
    choice: chance.below(1_000_000),
  }));
  return { deeds, happening: happening(chance) };
}

function happening(chance: Chance): Happening | undefined {
  const choice = chance.below(1_000_000);
  return chance.happens(0.6) ? { event: chance.pick(EVENTS), choice } : undefined;
}
