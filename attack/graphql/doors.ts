/** How the planted people come in: by e-mail and password, through the doors that everybody takes. */
import { hashPassword } from "better-auth/crypto";

import type { Person, Planting } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";
import { post, recordOf, type Answer } from "./http.ts";

const PASSWORD = "correct horse battery staple";

/** In production the identity provider takes a few sign-ins in ten seconds, then says 429. */
const MOST_TRIES = 20;

/** Gives everybody planted a password: they were never asked for one. */
export async function givePasswords(client: Queryable, planting: Planting): Promise<void> {
  const { a, b, stranger } = planting;
  const people = [...Object.values(a.people), ...Object.values(b.people), stranger];
  await client.query(
    `insert into auth.accounts (user_id, account_id, provider_id, password)
    select id::uuid, id, 'credential', $2 from unnest($1::text[]) as people (id)`,
    [people.map(({ id }) => id), await hashPassword(PASSWORD)],
  );
}

/** Signs in and returns the session's token. */
export async function signIn(url: string, { email }: Person): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const answer = await post(`${url}/api/auth/sign-in/email`, { email, password: PASSWORD });
    const { token } = recordOf(answer.body);
    if (answer.status === 200 && typeof token === "string") return token;
    if (answer.status !== 429 || tries === MOST_TRIES) {
      throw new Error(`Signing in as ${email} was answered ${answer.status}: ${answer.text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}

/** What POST /auth/token answers to a session that asks for a tenant, or for none. */
export function askToken(url: string, session: string, tenantId?: string): Promise<Answer> {
  return post(`${url}/auth/token`, tenantId === undefined ? {} : { tenantId }, {
    authorization: `Bearer ${session}`,
  });
}

/** The access token itself; throws when there is none. */
export async function tokenFor(url: string, session: string, tenantId?: string): Promise<string> {
  const answer = await askToken(url, session, tenantId);
  const { accessToken } = recordOf(answer.body);
  if (typeof accessToken === "string") return accessToken;
  throw new Error(`/auth/token answered ${answer.status}: ${answer.text}`);
}
