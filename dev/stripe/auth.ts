import { StripeError } from "./errors.ts";

/** Throws unless the header carries a test key. Which one does not matter: there is one account. */
export function authenticate(header: string | undefined): void {
  const key = keyFrom(header);
  if (key === "") throw unauthorized(MISSING);
  if (!/^[sr]k_test_/.test(key)) {
    throw unauthorized(
      `Invalid API Key provided: ${masked(key)}. The emulator takes test keys only.`,
    );
  }
}

const MISSING =
  "You did not provide an API key. You need to provide your API key in the Authorization header, " +
  "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";

function keyFrom(header: string | undefined): string {
  const [scheme = "", credentials = ""] = (header ?? "").trim().split(/\s+/, 2);
  if (scheme.toLowerCase() === "bearer") return credentials;
  if (scheme.toLowerCase() !== "basic") return "";
  const [user = ""] = Buffer.from(credentials, "base64").toString("utf8").split(":", 1);
  return user;
}

function masked(key: string): string {
  return `${key.slice(0, 8)}${"*".repeat(8)}${key.length > 16 ? key.slice(-4) : ""}`;
}

function unauthorized(message: string): StripeError {
  return new StripeError(401, { type: "invalid_request_error", message });
}
