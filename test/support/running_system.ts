/**
 * The system a journey is made through: the one that runs at ROWHOUSE_URL, whoever started it, or
 * one in this process. A journey knows two URLs and nothing else.
 */
import { test as base } from "vitest";

import { withDatabase } from "./server.ts";
import { withSystem } from "./system.ts";

export { describe, expect } from "vitest";

export type RunningSystem = { url: string; stripeUrl: string };

/** Long enough to look at a tenant in its grace period, short enough to wait for the end: 4.3 s. */
const GRACE_PERIOD_DAYS = 0.000_05;

/** `running`: one for the file. A system from outside must have a grace period of seconds too. */
export const test = base.extend<{ $file: { running: RunningSystem } }>({
  running: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed
    async ({}, use) => {
      const url = setting("ROWHOUSE_URL");
      if (url !== undefined) {
        await use({ url, stripeUrl: setting("STRIPE_URL") ?? "http://127.0.0.1:12111" });
        return;
      }
      await withDatabase("migrated", (database) =>
        withSystem(database, { gracePeriodDays: GRACE_PERIOD_DAYS }, use),
      );
    },
    { scope: "file" },
  ],
});

function setting(name: string): string | undefined {
  const value = process.env[name]?.replace(/\/+$/, "");
  return value === "" ? undefined : value;
}
