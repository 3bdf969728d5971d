import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

import type { TestDatabase } from "./server.ts";

const MAIN = fileURLToPath(new URL("../../tasks/main.ts", import.meta.url));

/** Starts `npm run worker` as a process of its own, to be killed. */
export function spawnWorker({
  database,
  stripeUrl,
}: {
  database: TestDatabase;
  stripeUrl: string;
}): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      WORKER_DATABASE_URL: database.urls.worker,
      STRIPE_SECRET_KEY: "sk_test_tasks",
      STRIPE_API_BASE: stripeUrl,
      LOG_LEVEL: "error",
    },
  });
}
