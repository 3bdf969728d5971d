import type { RequestHandler } from "express";
import type pg from "pg";

import { requireCleanAudit, requireMigrations } from "./startup_guard.ts";

/** What must hold before traffic comes: each check resolves, or rejects with what is wrong. */
export type ReadinessCheck = { name: string; run: () => Promise<void> };

/** GET /healthz: the process answers. */
export const alive: RequestHandler = (_request, response) => {
  response.json({ status: "ok" });
};

/** GET /readyz: 200 when every check passes, 503 with the names of those that don't. */
export function ready(checks: readonly ReadinessCheck[]): RequestHandler {
  return async function reportReadiness(request, response) {
    const failing: string[] = [];
    for (const { name, run } of checks) {
      try {
        await run();
      } catch (error) {
        request.log.warn({ err: error, check: name }, "not ready");
        failing.push(name);
      }
    }
    response
      .status(failing.length === 0 ? 200 : 503)
      .json({ status: failing.length === 0 ? "ok" : "unavailable", failing });
  };
}

/** The database answers, has the schema that this code was written for, and keeps tenants apart. */
export function databaseChecks(pool: pg.Pool): ReadinessCheck[] {
  return [
    {
      name: "database",
      async run() {
        await pool.query("select app_private.enter(null, null)");
      },
    },
    { name: "migrations", run: () => requireMigrations(pool) },
    { name: "audit", run: () => requireCleanAudit(pool) },
  ];
}
