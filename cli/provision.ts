/** npm run provision -- <tenant id>: starts a tenant's provisioning at Stripe again. */
import type pg from "pg";

import { isUuid } from "../server/auth/claims.ts";
import { ConfigError } from "../server/config.ts";
import { argumentsOf, asOperator, runCommand } from "./operator.ts";

const USAGE = `Usage: npm run provision -- TENANT

Starts the provisioning of a tenant at Stripe again, by its uuid (rowId in the API), in the database
in MIGRATION_DATABASE_URL or in the embedded one of a running \`npm start\`. A worker does the rest.
Safe at any time: a tenant whose subscription has not ended is left as it is.

Exits with 0; with 1 when there is nothing to start; with 2 when it could not be asked.`;

await runCommand("provision", async (args) => {
  const options = { help: { type: "boolean", default: false } } as const;
  const { values, positionals } = argumentsOf(args, options, USAGE);
  if (values.help) return console.log(USAGE);
  const [tenantId, ...others] = positionals;
  if (!isUuid(tenantId) || others.length > 0) {
    throw new ConfigError(`Say which tenant, one, by its uuid.\n\n${USAGE}`);
  }
  const intent = await asOperator((client) => renewIntent(client, tenantId));
  if (intent === null) {
    console.log("No such tenant, or it is closed, or it has a subscription already.");
    process.exitCode = 1;
  } else {
    console.log(`Booked: a worker provisions tenant ${tenantId} by intent ${intent}.`);
  }
});

async function renewIntent(client: pg.Client, tenantId: string): Promise<string | null> {
  const { rows } = await client.query<{ intent: string | null }>(
    "select app_private.renew_billing_intent($1) as intent",
    [tenantId],
  );
  return rows[0]?.intent ?? null;
}
