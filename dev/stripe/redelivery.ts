/** In what order, and how often, things are sent again. */
export type Arrangement = {
  order?: "forward" | "reverse" | "shuffle";
  seed?: number;
  times?: number;
};

/** The items, each `times` over, in the order asked for; a seed always gives the same shuffle. */
export function arrange<T>(items: T[], { order, seed = 1, times = 1 }: Arrangement): T[] {
  const repeated = items.flatMap((item) => Array.from({ length: times }, () => item));
  if (order === "reverse") return repeated.toReversed();
  return order === "shuffle" ? shuffled(repeated, randomFrom(seed)) : repeated;
}

/** Every order is as likely as any other: each place draws from what is left. */
function shuffled<T>(items: T[], random: () => number): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(Math.floor(random() * rest.length), 1));
}

/** Numbers in [0, 1) that depend on the seed alone: a linear congruential generator. */
function randomFrom(seed: number): () => number {
  let state = Math.abs(Math.trunc(seed)) % 4_294_967_296;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
