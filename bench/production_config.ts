import { randomBytes } from "node:crypto";

import { freePort } from "../dev/free_port.ts";
import { parseServerConfig, type ServerConfig } from "../server/config.ts";
import { WEBHOOK_SECRET } from "./signed_events.ts";

/** What production would be given. */
export async function productionConfig(databaseUrl: string): Promise<ServerConfig> {
  const config = parseServerConfig({
    NODE_ENV: "production",
    DATABASE_URL: databaseUrl,
    PORT: String(await freePort()),
    AUTH_SECRET: randomBytes(32).toString("base64url"),
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    LOG_LEVEL: "info",
  });
  // In production our server refuses the embedded PostgreSQL, for holes that don't change its speed.
  return { ...config, isProduction: false };
}
