/** How the attack speaks to a server: over HTTP, and keeping every byte of the answer to look at. */

/** An error of an answer, as far as the attack looks at it. */
export type AnswerError = {
  message: string;
  path?: readonly (string | number)[];
  extensions?: { code?: string };
};

export type Answer = {
  status: number;
  /** The headers and the body, as they came. */
  headers: string;
  text: string;
  body: unknown;
};

export type GraphqlAnswer = Answer & {
  data: Readonly<Record<string, unknown>> | undefined;
  errors: readonly AnswerError[];
};

/** Longer than the server lets a statement take. */
const TIMEOUT_MS = 30_000;

/** POSTs JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", origin: new URL(url).origin, ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n"),
    text,
    body: parsed(text),
  };
}

/** Asks GraphQL, as nobody when there is no token. */
export async function ask(
  url: string,
  token: string | undefined,
  request: { query: string; variables: Readonly<Record<string, unknown>> },
): Promise<GraphqlAnswer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await post(`${url}/graphql`, request, headers);
  const { data, errors } = recordOf(answer.body);
  return {
    ...answer,
    data: typeof data === "object" && data !== null ? recordOf(data) : undefined,
    errors: Array.isArray(errors) ? errors.map(errorOf) : [],
  };
}

/** The fields of an object; none for anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

/** What the attack looks at of an error. */
export function errorOf(value: unknown): AnswerError {
  const { message, path, extensions } = recordOf(value);
  const { code } = recordOf(extensions);
  return {
    message: String(message),
    ...(Array.isArray(path) ? { path: path.map(String) } : {}),
    extensions: typeof code === "string" ? { code } : {},
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
