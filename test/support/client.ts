/** What a frontend does: signs up, gets tokens, asks GraphQL. Over HTTP, knowing a URL only. */
import { randomUUID } from "node:crypto";

export type Person = { id: string; email: string; session: string };

export type GraphQLAnswer = {
  status: number;
  data: Record<string, unknown> | null | undefined;
  errors: { message: string; extensions: { code: string; details?: unknown; hint?: string } }[];
};

/** POSTs JSON, or a text as it is, and reads the answer as JSON when it is any. */
export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", origin: new URL(url).origin, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) };
}

/** Signs up somebody new. */
export async function signUp(url: string, name = "Alice"): Promise<Person> {
  const email = `${name.toLowerCase()}-${randomUUID()}@example.com`;
  const { status, body } = await post(`${url}/api/auth/sign-up/email`, {
    name,
    email,
    password: "correct horse battery",
  });
  if (status !== 200) throw new Error(`Sign-up answered ${status}: ${JSON.stringify(body)}`);
  const { token, user } = body as { token: string; user: { id: string } };
  return { id: user.id, email, session: token };
}

/** An access token for GraphQL, for one tenant when one is named. */
export async function accessToken(
  url: string,
  { session }: Pick<Person, "session">,
  tenantId?: string,
): Promise<string> {
  const { status, body } = await post(
    `${url}/auth/token`,
    tenantId === undefined ? {} : { tenantId },
    { authorization: `Bearer ${session}` },
  );
  if (status !== 200) throw new Error(`/auth/token answered ${status}: ${JSON.stringify(body)}`);
  return (body as { accessToken: string }).accessToken;
}

/** Asks GraphQL, as nobody when there is no token. */
export async function graphql(
  url: string,
  token: string | undefined,
  query: string,
  variables?: Record<string, unknown>,
): Promise<GraphQLAnswer> {
  const { status, body } = await post(
    `${url}/graphql`,
    { query, variables },
    token === undefined ? {} : { authorization: `Bearer ${token}` },
  );
  const { data, errors = [] } = body as Partial<GraphQLAnswer>;
  return { status, data, errors };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
