import { untilStopped } from "./process.ts";
import { parseServerConfig } from "./config.ts";
import { makeLogger } from "./logger.ts";
import { startServer } from "./server.ts";

await untilStopped("rowhouse server", async () => {
  const config = parseServerConfig(process.env);
  const logger = makeLogger(config.logLevel, "rowhouse-server");
  const server = await startServer(config, logger);
  logger.info({ url: server.url }, "listening");
  return server;
});
