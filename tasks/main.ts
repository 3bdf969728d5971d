import { parseWorkerConfig } from "../server/config.ts";
import { makeLogger } from "../server/logger.ts";
import { untilStopped } from "../server/process.ts";
import { startWorker } from "./worker.ts";

await untilStopped("rowhouse worker", async () => {
  const config = parseWorkerConfig(process.env);
  const logger = makeLogger(config.logLevel, "rowhouse-worker");
  const worker = await startWorker(config, logger);
  logger.info("taking jobs");
  return worker;
});
