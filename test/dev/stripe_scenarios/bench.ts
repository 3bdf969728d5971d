/** What a scenario works with: a client of some Stripe, real or not, and nothing besides. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import type { Stripe } from "stripe";

/** Where scenarios are played. */
export type Target = {
  stripe: Stripe;
  /** A client of the same with another key. */
  withKey(key: string): Stripe;
  /** How long to wait between two questions, and for how long to ask. */
  pauseMs: number;
  deadlineMs: number;
};

/** A test clock, and its customers' time. */
export type BenchClock = { id: string; start: number; advanceTo(time: number): Promise<void> };

/** A target with what a scenario needs to leave no trace. */
export type Bench = Pick<Target, "stripe" | "withKey"> & {
  /** The name with an end that no other run has. */
  unique(name: string): string;
  /** Has something done when the scenario is over; the last asked for is done first. */
  afterwards(work: () => Promise<unknown>): void;
  /** Asks until there is an answer. */
  eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T>;
  /** A test clock at the present time. Its customers go with it. */
  startClock(): Promise<BenchClock>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Something that is true of Stripe, and so of the emulator. */
export type Scenario = { name: string; run(bench: Bench): Promise<void> };

/** A bench for one scenario. */
export function makeBench({ stripe, withKey, pauseMs, deadlineMs }: Target): Bench {
  const run = randomUUID().slice(0, 8);
  const toDo: (() => Promise<unknown>)[] = [];

  async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (Date.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
      await pause(pauseMs);
    }
  }

  async function startClock(): Promise<BenchClock> {
    const start = Math.floor(Date.now() / 1000);
    const clocks = stripe.testHelpers.testClocks;
    const { id } = await clocks.create({ frozen_time: start, name: `rowhouse ${run}` });
    toDo.push(() => clocks.del(id));

    async function advanceTo(time: number): Promise<void> {
      await clocks.advance(id, { frozen_time: time });
      await eventually(`the clock ${id} to be ready`, async () => {
        const { status } = await clocks.retrieve(id);
        if (status === "internal_failure") throw new Error(`the clock ${id} has failed`);
        return status === "ready" ? status : undefined;
      });
    }

    return { id, start, advanceTo };
  }

  return {
    stripe,
    withKey,
    unique: (name) => `${name}_${run}`,
    afterwards: (work) => void toDo.push(work),
    eventually,
    startClock,
    [Symbol.asyncDispose]: async () => {
      for (const work of toDo.toReversed()) {
        await work();
      }
    },
  };
}
