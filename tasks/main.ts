import { parseWorkerConfig } from "../server/config.ts";
import { makeLogger } from "../server/logger.ts";
import { untilStopped } from "../server/process.ts";
import { startWorker } from "./worker.ts";

await untilStopped("rowhouse worker", async () => {
  const config = parseWorkerConfig(process.env);
  const logger = makeLogger(config.logLevel, "rowhouse-worker");
  const worker = await startWorker(config, logger);
  logger.info("taking jobs");
  let isClosing = false;
  void exitWhenEnded();
  return {
    close() {
      isClosing = true;
      return worker.close();
    },
  };

  /** A worker that stopped by itself is of no use; whoever watches the process starts another. */
  async function exitWhenEnded(): Promise<void> {
    await worker.ended;
    if (!isClosing) process.exit(1);
  }
});
