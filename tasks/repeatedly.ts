import type { Logger } from "pino";

export type Repetition = { stop(): Promise<void> };

/**
 * Does `work` now and again `everyMs` after each time, until it is stopped. What fails is logged and
 * done again; `stop` waits for what is under way.
 */
export function repeatedly(
  { what, everyMs, logger }: { what: string; everyMs: number; logger: Logger },
  work: () => Promise<void>,
): Repetition {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function turn(): Promise<void> {
    try {
      await work();
    } catch (error) {
      logger.warn({ err: error }, `${what} failed`);
    }
    if (!isStopped) timer = setTimeout(go, everyMs);
  }
  function go(): void {
    underWay = turn();
  }

  let underWay = turn();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await underWay;
    },
  };
}
