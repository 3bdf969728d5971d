type Waiting = { isOver: () => boolean; wake: () => void };

/** Those who wait for something to be so, each for a limited time. */
export class Waits {
  readonly #all = new Set<Waiting>();

  /** Resolves when it is over, or when the time is up. */
  async until(isOver: () => boolean, timeoutMs: number): Promise<void> {
    if (isOver()) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => wake(), timeoutMs);
      const wake = () => {
        clearTimeout(limit);
        this.#all.delete(waiting);
        resolve();
      };
      const waiting = { isOver, wake };
      this.#all.add(waiting);
    });
  }

  /** To be called when something has changed. */
  look(): void {
    for (const { isOver, wake } of this.#all) if (isOver()) wake();
  }

  /** Lets everybody go. */
  end(): void {
    for (const { wake } of this.#all) wake();
  }
}
