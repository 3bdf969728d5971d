import { describe, expect } from "../support/index.ts";
import { test } from "../support/quiet_system.ts";

const PATHS = [
  "/graphql",
  "/auth/token",
  "/webhooks/stripe",
  "/api/auth/sign-in/email",
  "/nothing",
];

describe.for(PATHS)("%s", (path) => {
  test("is guarded by headers, and does not say what it runs on", async ({ system }) => {
    const { headers } = await fetch(`${system.url}${path}`, { method: "POST" });
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("SAMEORIGIN");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
  });

  test("answers under the request's id when it is harmless, else under one of ours", async ({
    system,
  }) => {
    const idFor = async (id?: string) => {
      const { headers } = await fetch(`${system.url}${path}`, {
        method: "POST",
        headers: id === undefined ? {} : { "x-request-id": id },
      });
      return headers.get("x-request-id");
    };
    expect(await idFor("trace-0123.abc_D")).toBe("trace-0123.abc_D");
    const own = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    for (const id of [
      undefined,
      "short",
      "x".repeat(129),
      "with blank inside",
      '"quoted-id"',
      "{}{}{}{}",
    ]) {
      expect(await idFor(id), String(id)).toMatch(own);
    }
  });
});

describe("a browser", () => {
  const preflight = async (url: string, path: string, origin: string) => {
    const { headers } = await fetch(`${url}${path}`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    return {
      origin: headers.get("access-control-allow-origin"),
      credentials: headers.get("access-control-allow-credentials"),
    };
  };

  test.for(["/graphql", "/auth/token", "/api/auth/sign-in/email"])(
    "may call %s from the configured origin",
    async (path, { system }) => {
      expect(await preflight(system.url, path, "https://app.example.com")).toEqual({
        origin: "https://app.example.com",
        credentials: "true",
      });
    },
  );

  test.for([
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com.evil.com",
    "https://app.example.com:444",
    "null",
  ])("may not call from %s", async (origin, { system }) => {
    for (const path of ["/graphql", "/auth/token", "/api/auth/sign-in/email"]) {
      expect((await preflight(system.url, path, origin)).origin, path).toBeNull();
    }
  });
});
