/** npm run provision -- <tenant id>: starts a tenant's provisioning at Stripe again. */
import { isUuid } from "../server/auth/claims.ts";
import { parseWorkerConfig } from "../server/config.ts";
import { makePool } from "../server/database.ts";
import { makeLogger } from "../server/logger.ts";
import { causeOf } from "../server/process.ts";

try {
  const [tenantId] = process.argv.slice(2);
  if (!isUuid(tenantId)) throw new Error("say which tenant, by its uuid (rowId in the API)");
  const config = parseWorkerConfig(process.env);
  const pool = makePool({
    connectionString: config.databaseUrl,
    applicationName: "rowhouse-provision",
    role: "app_worker",
    logger: makeLogger(config.logLevel, "rowhouse-provision"),
    max: 1,
  });
  try {
    const { rows } = await pool.query<{ intent: string | null }>(
      "select app_private.renew_billing_intent($1) as intent",
      [tenantId],
    );
    const intent = rows[0]?.intent;
    if (typeof intent !== "string") {
      throw new Error("no such tenant, or it is closed, or it has a subscription already");
    }
    console.log(`Booked: the worker provisions tenant ${tenantId} by intent ${intent}.`);
  } finally {
    await pool.end();
  }
} catch (error) {
  console.error(`provision: ${causeOf(error)}`);
  process.exitCode = 1;
}
