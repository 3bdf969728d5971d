import { OperatorError } from "./operator_error.ts";

/** A sign-in for whoever looks at a fresh system. Only ever made in an embedded database. */
export type DemoUser = { email: string; password: string };

const DEMO_USER: DemoUser = { email: "demo@example.com", password: "try-rowhouse" };

/** Signs the demo user up, as anybody would, unless that was done at an earlier start. */
export async function ensureDemoUser(url: string): Promise<DemoUser> {
  const response = await fetch(`${url}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url },
    body: JSON.stringify({ ...DEMO_USER, name: "Demo" }),
    signal: AbortSignal.timeout(10_000),
  });
  // 422: there is such a user already.
  if (!response.ok && response.status !== 422) {
    throw new OperatorError(
      `Signing up ${DEMO_USER.email} failed with HTTP ${response.status}: the identity provider is not working.`,
    );
  }
  return DEMO_USER;
}
