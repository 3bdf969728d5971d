import type { RequestHandler } from "express";
import type pg from "pg";

import { requireCleanAudit, requireMigrations } from "./startup_guard.ts";

/** How long /readyz may rely on what it last saw of the migrations, and of the audit, which costs more. */
const MIGRATIONS_CHECK_MS = 10_000;
const AUDIT_CHECK_MS = 60_000;

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
    // Catalogs change at deployments only, and anyone may call /readyz as often as they like.
    { name: "migrations", run: atMostEvery(MIGRATIONS_CHECK_MS, () => requireMigrations(pool)) },
    { name: "audit", run: atMostEvery(AUDIT_CHECK_MS, () => requireCleanAudit(pool)) },
  ];
}

/** Shares one run, and its outcome, among all calls within `ms`. */
function atMostEvery(ms: number, run: () => Promise<void>): () => Promise<void> {
  let ranAt = -Infinity;
  let outcome = Promise.resolve();
  return function shared() {
    if (performance.now() - ranAt >= ms) {
      ranAt = performance.now();
      outcome = run();
    }
    return outcome;
  };
}
