/** API keys, made by our own SQL API. */
import type pg from "pg";

import { asUser } from "./acting.ts";
import { rowOf } from "./query.ts";

export type MadeKey = { id: string; secret: string };

/** A key of the tenant, made inside the caller's transaction by somebody who may. */
export function createApiKey(
  client: pg.ClientBase,
  who: { userId: string; tenantId: string },
  { name = "CI", scopes = ["read", "write"], expiresAt = null as string | null } = {},
): Promise<MadeKey> {
  return asUser(client, who, () =>
    rowOf<MadeKey>(
      client,
      "select (made.api_key).id, made.secret from app_public.create_api_key($1, $2, $3) as made",
      [name, scopes, expiresAt],
    ),
  );
}

/** Gives it a new secret. */
export async function rotateApiKey(
  client: pg.ClientBase,
  who: { userId: string; tenantId: string },
  { id, overlapSeconds = 0 }: { id: string; overlapSeconds?: number },
): Promise<string> {
  const { secret } = await asUser(client, who, () =>
    rowOf<{ secret: string }>(client, "select secret from app_public.rotate_api_key($1, $2)", [
      id,
      overlapSeconds,
    ]),
  );
  return secret;
}

/** Ends it. */
export async function revokeApiKey(
  client: pg.ClientBase,
  who: { userId: string; tenantId: string },
  id: string,
): Promise<void> {
  await asUser(client, who, () => client.query("select app_public.revoke_api_key($1)", [id]));
}
