import type pg from "pg";

import { asUser, createCast, expect, test, withClient } from "../../support/index.ts";
import { codeOf, rowOf } from "../../support/query.ts";

const TENANT_FUNCTIONS = ["current_tenant_id", "writable_tenant_id", "member_tenant_id"] as const;
const USER_SETTINGS = ["app.current_user_id"];
const TENANT_SETTINGS = ["app.current_tenant_id", "app.writable_tenant_id", "app.member_tenant_id"];

/** The value of each function, or the code that it refuses with. */
async function handedOut(client: pg.Client, who: { userId: string; tenantId?: string }) {
  const answers = TENANT_FUNCTIONS.map(async (name) => {
    const sql = `select app_private.${name}() as id`;
    const work = asUser(client, who, () => rowOf<{ id: string }>(client, sql));
    return [name, await work.then(({ id }) => id).catch(codeOfError)];
  });
  // One after another: they share the connection's savepoints.
  const entries = [];
  for (const answer of answers) entries.push(await answer);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function codeOfError(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : error;
}
