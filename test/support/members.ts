/** Members and invitations, by our own SQL API. */
import { createHash, randomBytes } from "node:crypto";

import type pg from "pg";

import { asUser, asWorker } from "./acting.ts";
import { createCast, signUp, type Cast } from "./cast.ts";
import { codeOf, rowOf, rowsOf } from "./query.ts";

/** Besides the cast: carol is an admin of acme, dave is invited by nobody yet. */
export type Team = Cast & { carol: string; dave: string };

/** Who asks, and in which tenant. */
export type Asking = { userId: string; tenantId?: string | null };

/** Makes them, with verified addresses. */
export async function createTeam(client: pg.ClientBase): Promise<Team> {
  const cast = await createCast(client);
  const carol = await signUp(client, "carol");
  const dave = await signUp(client, "dave");
  await client.query("update app_public.users set is_email_verified = true");
  await client.query(
    "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')",
    [cast.acme, carol],
  );
  return { ...cast, carol, dave };
}

/** Signs up somebody whose address is verified. */
export async function signUpVerified(client: pg.ClientBase, name: string): Promise<string> {
  const id = await signUp(client, name);
  await client.query("update app_public.users set is_email_verified = true where id = $1", [id]);
  return id;
}

/** What calling a function of app_public as somebody comes to: "done", or the SQLSTATE. */
export function attempt(
  client: pg.ClientBase,
  who: Asking,
  call: string,
  values: unknown[] = [],
): Promise<unknown> {
  return codeOf(asUser(client, who, () => client.query(`select app_public.${call}`, values)));
}

/** Invites an address; the invitation's id. */
export async function invite(
  client: pg.ClientBase,
  who: Asking,
  email: string,
  role = "member",
): Promise<string> {
  const { id } = await asUser(client, who, () =>
    rowOf<{ id: string }>(client, "select id from app_public.invite_member($1, $2)", [email, role]),
  );
  return id;
}

/** The token of an invitation's e-mail, made as the task makes it. */
export async function tokenOf(
  client: pg.ClientBase,
  tenantId: string,
  invitationId: string,
): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  const hash = createHash("sha256").update(token).digest();
  await asWorker(client, () =>
    rowOf(client, "select email from app_private.record_invitation_token($1, $2, $3)", [
      tenantId,
      invitationId,
      hash,
    ]),
  );
  return token;
}

/** Who is in a tenant, as what. */
export async function rolesIn(
  client: pg.ClientBase,
  tenantId: string,
): Promise<Record<string, string>> {
  const rows = await rowsOf<{ user_id: string; role: string }>(
    client,
    "select user_id, role from app_public.memberships where tenant_id = $1",
    [tenantId],
  );
  return Object.fromEntries(rows.map(({ user_id, role }) => [user_id, role]));
}
