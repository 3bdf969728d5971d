/** What a tenant's owner asks of billing, past the HTTP process. */
import { asUser } from "./acting.ts";
import { rowOf } from "./query.ts";
import { withClient } from "./server.ts";
import type { Workshop } from "./tasks.ts";

/** Asks as the tenant's owner, committed; the request's id. */
export async function askAsOwner(
  { database }: Workshop,
  tenantId: string,
  call: string,
): Promise<string> {
  return withClient(database.urls.superuser, async (client) => {
    await client.query("begin");
    const { user_id: userId } = await rowOf<{ user_id: string }>(
      client,
      "select user_id from app_public.memberships where tenant_id = $1 and role = 'owner'",
      [tenantId],
    );
    const { id } = await asUser(client, { userId, tenantId }, () =>
      rowOf<{ id: string }>(client, `select id from app_public.${call}`),
    );
    await client.query("commit");
    return id;
  });
}
