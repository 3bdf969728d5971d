/** People who come and go by the API, one transaction each, as over HTTP. */
import { randomUUID } from "node:crypto";

import type pg from "pg";

import { asIdentity, asUser } from "./acting.ts";
import { invite, tokenOf } from "./members.ts";
import { rowOf } from "./query.ts";
import { withClient } from "./server.ts";
import type { Workshop } from "./tasks.ts";

type Asking = { userId: string; tenantId: string };

/** Invites so many people, each of whom signs up and accepts; their ids. */
export async function joinByInvitation(
  { database }: Workshop,
  owner: Asking,
  count: number,
): Promise<string[]> {
  return withClient(database.urls.superuser, async (client) => {
    const joined: string[] = [];
    while (joined.length < count) joined.push(await join(client, owner));
    return joined;
  });
}

async function join(client: pg.Client, owner: Asking): Promise<string> {
  const email = `${randomUUID()}@example.com`;
  const invitation = await committed(client, () => invite(client, owner, email));
  const token = await committed(client, () => tokenOf(client, owner.tenantId, invitation));
  const { id: userId } = await committed(client, () =>
    asIdentity(client, () =>
      rowOf<{ id: string }>(
        client,
        `insert into auth.users (email, name, email_verified) values ($1, 'Guest', true)
        returning id`,
        [email],
      ),
    ),
  );
  await committed(client, () =>
    asUser(client, { userId }, () =>
      client.query("select app_public.accept_invitation($1)", [token]),
    ),
  );
  return userId;
}

/** Has the owner remove people. */
export async function removeByOwner(
  { database }: Workshop,
  owner: Asking,
  people: readonly string[],
): Promise<void> {
  await withClient(database.urls.superuser, async (client) => {
    for (const person of people) {
      await committed(client, () =>
        asUser(client, owner, () => client.query("select app_public.remove_member($1)", [person])),
      );
    }
  });
}

/** Has people leave by themselves. */
export async function leave(
  { database }: Workshop,
  tenantId: string,
  people: readonly string[],
): Promise<void> {
  await withClient(database.urls.superuser, async (client) => {
    for (const userId of people) {
      await committed(client, () =>
        asUser(client, { userId, tenantId }, () =>
          client.query("select app_public.leave_tenant()"),
        ),
      );
    }
  });
}

async function committed<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  const result = await work();
  await client.query("commit");
  return result;
}
