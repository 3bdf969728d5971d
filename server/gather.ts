/**
 * Group commit: a transaction costs much more than what it does for one item. While some are under
 * way, those that come wait, and leave together. Whoever comes when nothing is under way waits for
 * nobody, so that this costs no time where there is little to do.
 */

/** So many transactions at once: more of them would be smaller ones. */
const UNDER_WAY = 4;
/** What leaves together is bounded, and so is how long the next must wait for it. */
const MAX_COUNT = 32;
const MAX_SIZE = 1024 * 1024;

export type Gathering<Item, Result> = {
  /** Does what is to be done about all of these, or nothing; answers each in its place. */
  together(items: readonly Item[]): Promise<readonly Result[]>;
  sizeOf(item: Item): number;
  /** Whether a failure may be the fault of one among them: the others do better without it. */
  mayBeOnesFault(error: unknown): boolean;
};

type Waiting<Item, Result> = {
  item: Item;
  resolve(result: Result | undefined): void;
  reject(error: unknown): void;
};

/** Takes items one by one, and answers each when the transaction that it left with is over. */
export function makeGatherer<Item, Result>({
  together,
  sizeOf,
  mayBeOnesFault,
}: Gathering<Item, Result>): (item: Item) => Promise<Result | undefined> {
  const waiting: Waiting<Item, Result>[] = [];
  let underWay = 0;

  function leave(): void {
    while (waiting.length > 0 && underWay < UNDER_WAY) void carry();
  }

  async function carry(): Promise<void> {
    underWay += 1;
    await settle(waiting.splice(0, countOfNext()));
    underWay -= 1;
    leave();
  }

  /** Of those that wait, how many leave next: the first in any case. */
  function countOfNext(): number {
    let size = 0;
    const end = waiting.findIndex(({ item }, index) => {
      size += sizeOf(item);
      return index >= MAX_COUNT || (index > 0 && size > MAX_SIZE);
    });
    return end === -1 ? waiting.length : end;
  }

  async function settle(leaving: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await together(leaving.map(({ item }) => item));
      for (const [index, { resolve }] of leaving.entries()) resolve(results[index]);
    } catch (error) {
      if (leaving.length > 1 && mayBeOnesFault(error)) {
        await Promise.all(leaving.map((one) => settle([one])));
      } else {
        for (const { reject } of leaving) reject(error);
      }
    }
  }

  return (item) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result | undefined>();
    waiting.push({ item, resolve, reject });
    // At the end of this turn, so that whoever came in the same one leaves with it.
    if (waiting.length === 1) setImmediate(leave);
    return promise;
  };
}
