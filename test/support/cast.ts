/** The people of our tests: alice owns acme, bob is a member of it, mallory owns globex next door. */
import type pg from "pg";

import { asIdentity, asUser } from "./acting.ts";

/** Their ids. */
export type Cast = { alice: string; bob: string; mallory: string; acme: string; globex: string };

/** Makes them by our own SQL API, inside the caller's transaction, with both tenants paid. */
export async function createCast(client: pg.ClientBase): Promise<Cast> {
  const alice = await signUp(client, "alice");
  const bob = await signUp(client, "bob");
  const mallory = await signUp(client, "mallory");
  const acme = await found(client, alice, "Acme");
  const globex = await found(client, mallory, "Globex");
  await client.query(
    "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'member')",
    [acme, bob],
  );
  return { alice, bob, mallory, acme, globex };
}

/** Signs up somebody who is in no tenant. */
export async function signUp(client: pg.ClientBase, name: string): Promise<string> {
  return asIdentity(client, async () => {
    const { rows } = await client.query<{ id: string }>(
      "insert into auth.users (email, name, email_verified) values ($1, $2, true) returning id",
      [`${name}@example.com`, name],
    );
    return idOf(rows);
  });
}

async function found(client: pg.ClientBase, userId: string, name: string): Promise<string> {
  const id = await asUser(client, { userId }, async () => {
    const { rows } = await client.query<{ id: string }>(
      "select id from app_public.create_tenant($1, 'pro')",
      [name],
    );
    return idOf(rows);
  });
  // Stands in for Stripe's answer; the tests of billing go the whole way.
  await client.query(
    "update app_public.tenants set status = 'active', access = 'full', access_reason = 'paid' where id = $1",
    [id],
  );
  return id;
}

function idOf([row]: readonly { id: string }[]): string {
  if (row === undefined) throw new Error("No row came back");
  return row.id;
}
