/**
 * Tenants live through histories made by chance, while webhooks are doubled, shuffled and lost,
 * calls fail, and processes are killed. In the end each is what Stripe says. `npm run torture` plays
 * more of them, and a seed again; docs/billing_proof.md tells how.
 */
import { randomInt } from "node:crypto";

import { expect, test } from "../support/index.ts";
import { longRun } from "../support/long_run.ts";
import { playRound, type Figures } from "./model/round.ts";
import { withWorld } from "./model/world.ts";

const MAX_SEED = 2 ** 31;
/** A long round kills as often as a short one, and has more to do meanwhile. */
const PER_ROUND = longRun.isOn ? 48 : 8;
/** A world is built anew after so many rounds: it only grows. */
const ROUNDS_PER_WORLD = 10;
const MINUTE = 60_000;

const first = longRun.seed ?? randomInt(MAX_SEED);
const rounds = Math.ceil(longRun.histories / PER_ROUND);
const worlds = Array.from({ length: Math.ceil(rounds / ROUNDS_PER_WORLD) }, (_, n) => n);

test.for(worlds)(
  `after histories by chance, from seed ${first} on, each tenant is what Stripe says (world %i)`,
  { timeout: longRun.isOn ? 120 * MINUTE : 2 * MINUTE },
  async (world, { database }) => {
    const from = first + world * ROUNDS_PER_WORLD;
    const seeds = Array.from(
      { length: Math.min(ROUNDS_PER_WORLD, rounds - world * ROUNDS_PER_WORLD) },
      (_, n) => from + n,
    );
    // An odd world has no grace period, so that who does not pay is out at once.
    const gracePeriodDays = from % 2 === 0 ? 14 : 0;
    const total: Figures = { histories: 0, deeds: 0, kills: 0, events: 0, mails: 0 };
    await withWorld(database, { gracePeriodDays }, async (running) => {
      for (const seed of seeds) {
        const left = longRun.histories - (seed - first) * PER_ROUND;
        // oxlint-disable-next-line no-await-in-loop -- each has the world for itself.
        const figures = await playRound(running, seed, Math.min(PER_ROUND, left));
        total.histories += figures.histories;
        total.deeds += figures.deeds;
        total.kills += figures.kills;
        total.events = figures.events;
        total.mails += figures.mails;
        if (longRun.isOn) process.stdout.write(`seed ${seed}: ${JSON.stringify(total)}\n`);
      }
    });
    expect(total.histories).toBeGreaterThan(0);
  },
);
