import { randomBytes } from "node:crypto";

import { connect, type BenchDatabase } from "./database.ts";
import type { Seeded } from "./seed.ts";

/**
 * Signs somebody up as anybody would, makes them a member by SQL, since no invitation is measured,
 * and gets them an access token for the tenant.
 */
export async function signUpReader(
  url: string,
  { urls }: Pick<BenchDatabase, "urls">,
  { tenantId }: Pick<Seeded, "tenantId">,
): Promise<string> {
  const email = "reader@example.com";
  const password = randomBytes(12).toString("base64url");
  const session = await post(`${url}/api/auth/sign-up/email`, { name: "Reader", email, password });
  await using client = await connect(urls.superuser);
  await client.query(
    `insert into app_public.memberships (tenant_id, user_id, role)
    select $1, users.id, 'member' from auth.users where users.email = $2`,
    [tenantId, email],
  );
  const bearer = { authorization: `Bearer ${textOf(session, "token")}` };
  return textOf(await post(`${url}/auth/token`, { tenantId }, bearer), "accessToken");
}

async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", origin: new URL(url).origin, ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return await response.json();
}

function textOf(answer: unknown, key: string): string {
  const value: unknown =
    typeof answer === "object" && answer !== null ? Reflect.get(answer, key) : undefined;
  if (typeof value !== "string") throw new Error(`The answer has no ${key}`);
  return value;
}
