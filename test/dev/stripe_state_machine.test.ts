import fc from "fast-check";
import { expect, test } from "vitest";

import { startEmulated } from "./stripe_support.ts";
import { INVARIANTS } from "./stripe_invariants.ts";
import { applyMove, makeLife, MOVES } from "./stripe_moves.ts";
import type { Move } from "./stripe_moves.ts";

const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom(...MOVES),
  // Which of the possible values a move takes: an index, wrapped around.
  choice: fc.nat(9_999),
});

test("no sequence of calls and days reaches a state that Stripe rules out", async () => {
  await using emulated = await startEmulated();
  const lives = fc.tuple(fc.nat(9_999), fc.array(move, { minLength: 3, maxLength: 14 }));
  await fc.assert(
    fc.asyncProperty(lives, async ([choice, moves]) => {
      await emulated.control("reset");
      const life = await makeLife(emulated);
      for (const each of [{ kind: "subscribe", choice } as const, ...moves]) {
        // oxlint-disable-next-line no-await-in-loop -- one after another: that is a life.
        await applyMove(life, each);
      }
      for (const [rule, broken] of Object.entries(INVARIANTS)) {
        // oxlint-disable-next-line no-await-in-loop -- the first that is broken is told.
        expect([rule, await broken(life)]).toEqual([rule, []]);
      }
    }),
    { numRuns: 25 },
  );
}, 20_000);
