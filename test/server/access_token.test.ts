import { createPublicKey, createHmac } from "node:crypto";

import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from "jose";
import { describe, expect, test } from "vitest";

import { makeAccessTokens } from "../../server/auth/access_token.ts";
import type { Identity } from "../../server/auth/identity.ts";

const URL = "https://rowhouse.example.com";
const USER = "018f0000-0000-7000-8000-000000000001";
const TENANT = "018f0000-0000-7000-8000-000000000002";

const ours = await keyPair("ours");
const theirs = await keyPair("ours");
const now = () => Math.floor(Date.now() / 1000);
const good = () => ({
  iss: URL,
  aud: URL,
  sub: USER,
  sid: "s",
  tenant_id: TENANT,
  exp: now() + 60,
});

/** The identity provider as far as tokens need it: its keys, and its signature. */
const api = {
  getJwks: async () => ({ keys: [ours.jwk] }),
  signJWT: async ({ body }: { body: { payload: JWTPayload } }) => ({
    token: await ours.sign(body.payload),
  }),
};
const tokens = makeAccessTokens({ api } as unknown as Identity, URL);

test("a token says who, by which session, and in which tenant, for ten minutes", async () => {
  const { accessToken, expiresAt } = await tokens.issue({
    userId: USER,
    sessionId: "s",
    tenantId: TENANT,
  });
  expect(await tokens.verify(accessToken)).toEqual({
    person: { userId: USER, sessionId: "s", tenantId: TENANT },
    expiresAt: Date.parse(expiresAt),
  });
  expect(Math.abs(Date.parse(expiresAt) - Date.now() - 600_000)).toBeLessThan(2_000);
});

test("what is good below is good", async () => {
  expect(await tokens.verify(await ours.sign(good()))).toMatchObject({ person: { userId: USER } });
});

describe("a token is not ours when", () => {
  test.for<[string, () => Promise<string> | string]>([
    ["it has expired", () => ours.sign({ ...good(), exp: now() - 1 })],
    ["it never expires", () => ours.sign(without("exp"))],
    ["it is not good yet", () => ours.sign({ ...good(), nbf: now() + 60 })],
    ["another issuer made it", () => ours.sign({ ...good(), iss: "https://evil.example.com" })],
    ["it names no issuer", () => ours.sign(without("iss"))],
    [
      "it is for another audience",
      () => ours.sign({ ...good(), aud: "https://other.example.com" }),
    ],
    ["it is for no audience", () => ours.sign(without("aud"))],
    ["it is nobody's", () => ours.sign(without("sub"))],
    ["its person is no uuid", () => ours.sign({ ...good(), sub: "alice" })],
    ["its tenant is no uuid", () => ours.sign({ ...good(), tenant_id: "acme" })],
    ["its tenant is a list", () => ours.sign({ ...good(), tenant_id: [TENANT] })],
    ["another key of the same id signed it", () => theirs.sign(good())],
    ["its key is unknown", async () => (await keyPair("unknown")).sign(good())],
    ["it is not signed (alg none)", () => unsigned({ alg: "none", kid: "ours" }, "")],
    ["it is not signed (alg nOnE)", () => unsigned({ alg: "nOnE", kid: "ours" }, "")],
    ["it claims EdDSA without a signature", () => unsigned({ alg: "EdDSA", kid: "ours" }, "")],
    ["the public key signed it by HS256 (as JWK)", () => hmac(JSON.stringify(ours.jwk))],
    ["the public key signed it by HS256 (as PEM)", () => hmac(pem(ours.jwk))],
    ["it brings its own key", async () => theirs.sign(good(), { jwk: theirs.jwk })],
    ["its claims were changed", async () => swapClaims(await ours.sign(good()))],
    ["it is empty", () => ""],
    ["it is garbage", () => "a.b.c"],
    ["it is half a token", async () => (await ours.sign(good())).slice(0, -20)],
  ])("%s", async ([, make]) => {
    expect(await tokens.verify(await make())).toBeUndefined();
  });
});

test("a provider that can't be asked for its keys is an error, not a refusal", async () => {
  const broken = { ...api, getJwks: () => Promise.reject(new Error("no database")) };
  const unlucky = makeAccessTokens({ api: broken } as unknown as Identity, URL);
  await expect(unlucky.verify(await ours.sign(good()))).rejects.toThrow("no database");
});

async function keyPair(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), alg: "EdDSA", kid };
  return {
    jwk,
    sign: (payload: JWTPayload, header: object = {}) =>
      new SignJWT(payload).setProtectedHeader({ alg: "EdDSA", kid, ...header }).sign(privateKey),
  };
}

function without(claim: keyof ReturnType<typeof good>): JWTPayload {
  const { [claim]: _left, ...rest } = good();
  return rest;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function unsigned(header: object, signature: string): string {
  return `${encode(header)}.${encode(good())}.${signature}`;
}

/** RS256 and its like made verifiers forget that a public key is no secret. */
function hmac(key: string): string {
  const content = `${encode({ alg: "HS256", kid: "ours" })}.${encode(good())}`;
  return `${content}.${createHmac("sha256", key).update(content).digest("base64url")}`;
}

function pem(jwk: JWK): string {
  return String(
    createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" }),
  );
}

function swapClaims(token: string): string {
  const [header, , signature] = token.split(".");
  const claims = encode({ ...good(), sub: "018f0000-0000-7000-8000-00000000000f" });
  return `${header}.${claims}.${signature}`;
}
