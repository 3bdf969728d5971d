/** Has all workers at once go through the items, each taking the next; items done in a second. */
export async function rateOf<T>(
  items: readonly T[],
  workers: readonly ((item: T) => Promise<unknown>)[],
): Promise<number> {
  // One iterator for all: an item is taken once.
  const queue = items.values();
  const startedAt = performance.now();
  await Promise.all(
    workers.map(async (work) => {
      for (const item of queue) await work(item);
    }),
  );
  return (items.length * 1000) / (performance.now() - startedAt);
}
