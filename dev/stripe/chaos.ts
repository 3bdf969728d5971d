/**
 * Mischief done to webhooks as they leave. Whether it strikes is worked out from the seed and from
 * which event, delivery and attempt it is, never drawn from a shared sequence: so the same calls
 * meet the same mischief again, however long the network takes.
 */
import { randomInt } from "node:crypto";

import { invalidParameter } from "./errors.ts";
import * as p from "./params.ts";

const MAX_SEED = 4_294_967_295;
const MAX_DELAY_MS = 600_000;
/** A delivery that is put back goes out behind at most so many that came after it. */
const FURTHEST = 5;
/** Events further apart than this are never given one second, in seconds of the emulator's time. */
const LONGEST_SECOND = 60;

const given = p.shape(
  {},
  {
    seed: p.bounded(0, MAX_SEED),
    duplicate: share,
    same_second: share,
    reorder: share,
    drop: share,
    drop_forever: share,
    twin: share,
    delay_ms: p.bounded(0, MAX_DELAY_MS),
  },
);

/** Shares of what happens, from 0 to 1, but for the seed and the longest delay. */
export type ChaosSettings = Required<ReturnType<typeof given>>;

/** What happens to a delivery. `place` is when its turn is; without mischief that is its number. */
export type Fate = { number: number; place: number; delayMs: number; isLost: boolean };

/** The mischief in force. */
export type Chaos = {
  settings(): ChaosSettings;
  /** Puts settings in force, with a seed of its own making if there is none, and counts anew. */
  set(settings: unknown): ChaosSettings;
  /** The second that the next event is stamped with, which may be that of the one before it. */
  secondOf(now: number): number;
  /** Whether the next event is made twice, under two ids. */
  nextIsTwin(): boolean;
  /** The fates of the deliveries that the next event makes at one endpoint: one, or two. */
  nextFates(): Fate[];
  /** Whether this attempt of a delivery is lost on its way. */
  drops(number: number, attempt: number): boolean;
};

/** Each question has draws of its own. */
const QUESTIONS = [
  "twin",
  "duplicate",
  "reorder",
  "distance",
  "delay",
  "lose",
  "drop",
  "second",
] as const;

/** Mischief by `settings`, as `POST /_emulator/chaos` takes them. */
export function makeChaos(settings: unknown): Chaos {
  let now = complete(settings);
  let events = 0;
  let deliveries = 0;
  let stamps = 0;
  let second = 0;

  function draw(question: (typeof QUESTIONS)[number], ...about: number[]): number {
    return fraction(now.seed, QUESTIONS.indexOf(question), ...about);
  }

  function fate(): Fate {
    const number = (deliveries += 1);
    const isPutBack = draw("reorder", number) < now.reorder;
    const distance = isPutBack ? 1.5 + Math.floor(draw("distance", number) * FURTHEST) : 0;
    return {
      number,
      place: number + distance,
      delayMs: Math.floor(draw("delay", number) * now.delay_ms),
      isLost: draw("lose", number) < now.drop_forever,
    };
  }

  return {
    settings: () => now,
    set: (wanted) => {
      now = complete(wanted);
      events = 0;
      deliveries = 0;
      stamps = 0;
      second = 0;
      return now;
    },
    secondOf: (time) => {
      const isShared = draw("second", (stamps += 1)) < now.same_second;
      if (!isShared || time < second || time - second > LONGEST_SECOND) second = time;
      return second;
    },
    nextIsTwin: () => draw("twin", (events += 1)) < now.twin,
    nextFates: () => {
      const first = fate();
      const isDoubled = !first.isLost && draw("duplicate", first.number) < now.duplicate;
      return isDoubled ? [first, { ...fate(), isLost: false }] : [first];
    },
    drops: (number, attempt) => draw("drop", number, attempt) < now.drop,
  };
}

function complete(settings: unknown): ChaosSettings {
  const none = {
    duplicate: 0,
    same_second: 0,
    reorder: 0,
    delay_ms: 0,
    drop: 0,
    drop_forever: 0,
    twin: 0,
  };
  return { seed: randomInt(MAX_SEED), ...none, ...given(settings, "") };
}

function share(raw: unknown, at: string): number {
  const value = typeof raw === "number" ? raw : Number(p.text(raw, at));
  if (raw !== "" && value >= 0 && value <= 1) return value;
  throw invalidParameter(at, `${at} must be a share, from 0 to 1`);
}

/** A number in [0, 1) that depends on the parts alone: each is mixed in as MurmurHash3 ends. */
function fraction(...parts: number[]): number {
  let hash = 0x9e37_79b9;
  for (const part of parts) {
    hash = Math.imul(hash ^ part, 0x85eb_ca6b) + 0x6d2b_79f5;
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 4_294_967_296;
}
