/** Fifty tenants who share a pool: each has one person and one key, and a canary in every name. */
import { randomBytes } from "node:crypto";

import { found, makeKey, signUp } from "../fixture/people.ts";
import type { Queryable } from "../fixture/tables.ts";

export type Lodger = { canary: string; tenantId: string; userId: string; key: string };

/** What every canary of this crowd looks like: whose it is stands in between. */
export type Crowd = { lodgers: readonly Lodger[]; pattern: RegExp };

/** Plants them within the caller's transaction. */
export async function settle(client: Queryable, count: number): Promise<Crowd> {
  const stamp = randomBytes(6).toString("hex");
  const lodgers: Lodger[] = [];
  for (let n = 0; n < count; n += 1) {
    const canary = `canary-t${n}-${stamp}`;
    const owner = await signUp(client, canary, "owner");
    const tenantId = await found(client, canary);
    await client.query(
      "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'owner')",
      [tenantId, owner.id],
    );
    const { secret } = await makeKey(client, tenantId, { canary, owner, scope: "write" });
    lodgers.push({ canary, tenantId, userId: owner.id, key: secret });
  }
  return { lodgers, pattern: new RegExp(`canary-t\\d+-${stamp}`, "g") };
}

/** Takes them away again; what belongs to a tenant goes with it. */
export async function evict(client: Queryable, { lodgers }: Crowd): Promise<void> {
  const users = lodgers.map(({ userId }) => userId);
  await client.query("delete from app_public.tenants where id = any ($1::uuid[])", [
    lodgers.map(({ tenantId }) => tenantId),
  ]);
  await client.query("delete from app_public.users where id = any ($1::uuid[])", [users]);
  await client.query("delete from auth.users where id = any ($1::uuid[])", [users]);
}

/** What of an answer is somebody else's; undefined when all of it is the lodger's own. */
export function foreignIn(answer: string, { canary }: Lodger, { pattern }: Crowd) {
  return answer.match(pattern)?.find((word) => word !== canary);
}
