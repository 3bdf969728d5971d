import { once } from "node:events";
import { createServer } from "node:http";

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from "jose";

import { accessToken, graphql, post } from "../support/client.ts";
import { expect } from "../support/index.ts";
import { test as base, withSystem, type System } from "../support/system.ts";

const ISSUER = "https://idp.example.com/";
const AUDIENCE = "rowhouse";

type Provider = { system: System; token(claims?: Record<string, unknown>): Promise<string> };

/** A system that trusts a provider of ours, whose keys are served on a port of this machine. */
const test = base.extend<{ $file: { provider: Provider } }>({
  provider: [
    async ({ database }, use) => {
      const { publicKey, privateKey } = await generateKeyPair("RS256");
      const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256" }] };
      const server = createServer((_request, response) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(keys));
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const jwksUrl = new URL(`http://127.0.0.1:${port}/jwks.json`);
      const externalProviders = [{ issuer: ISSUER, audience: AUDIENCE, jwksUrl }];
      await withSystem(
        database,
        { worker: false, config: { externalProviders } },
        async (system) => {
          await use({ system, token: (claims) => sign(privateKey, claims) });
        },
      );
      server.close();
      server.closeAllConnections();
    },
    { scope: "file" },
  ],
});

function sign(key: CryptoKey, claims: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ email: "ada@example.com", name: "Ada", sub: "ada", ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "k1" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setExpirationTime("5m")
    .sign(key);
}

const ME = "{ currentUser { rowId email name } }";

test("a stranger with the provider's token is a user at once, and the same one next time", async ({
  provider,
}) => {
  const { url } = provider.system;
  const first = await graphql(url, await provider.token(), ME);
  expect(first.errors).toEqual([]);
  expect(first.data).toMatchObject({ currentUser: { email: "ada@example.com", name: "Ada" } });
  const renamed = await graphql(url, await provider.token({ name: "Ada L." }), ME);
  const { rowId } = (first.data as { currentUser: { rowId: string } }).currentUser;
  expect(renamed.data).toEqual({
    currentUser: { rowId, email: "ada@example.com", name: "Ada L." },
  });
});

test("an e-mail address recognises nobody: another subject is another user", async ({
  provider,
}) => {
  const { url } = provider.system;
  const ada = await graphql(url, await provider.token({ sub: "ada-1" }), ME);
  const impostor = await graphql(url, await provider.token({ sub: "ada-2" }), ME);
  expect(impostor.data).not.toEqual(ada.data);
});

test("an address is verified when the token says so in as many words, and as long as it does", async ({
  provider,
}) => {
  const { url } = provider.system;
  const verified = async (claim: unknown) => {
    const token = await provider.token({ sub: "claims", email_verified: claim });
    const { data } = await graphql(url, token, "{ currentUser { isEmailVerified } }");
    return (data as { currentUser: { isEmailVerified: boolean } }).currentUser.isEmailVerified;
  };
  const claims = [undefined, true, "true", true, 1, true, false, true, null];
  const seen = [];
  for (const claim of claims) seen.push(await verified(claim));
  expect(seen).toEqual(claims.map((claim) => claim === true));
});

test("the provider's token is exchanged for one of a tenant, by members only", async ({
  provider,
}) => {
  const { url } = provider.system;
  const session = await provider.token({ sub: "founder" });
  const made = await graphql(
    url,
    session,
    'mutation { createTenant(input: { name: "Ext" }) { tenant { rowId } } }',
  );
  const { rowId } = (made.data as { createTenant: { tenant: { rowId: string } } }).createTenant
    .tenant;
  const token = await accessToken(url, { session }, rowId);
  const answer = await graphql(url, token, "{ currentTenant { rowId } }");
  expect(answer.data).toEqual({ currentTenant: { rowId } });

  const stranger = await provider.token({ sub: "stranger" });
  const refused = await post(
    `${url}/auth/token`,
    { tenantId: rowId },
    { authorization: `Bearer ${stranger}` },
  );
  expect(refused.status).toBe(403);
});

test("tokens that lack what is needed, or are of others, are refused", async ({ provider }) => {
  const { url } = provider.system;
  const { privateKey } = await generateKeyPair("RS256");
  const refused = [
    await provider.token({ email: undefined }),
    await provider.token({ sub: "x".repeat(256) }),
    await provider.token({ tenant_id: "not-a-uuid" }),
    await sign(privateKey),
  ];
  for (const token of refused) {
    const answer = await graphql(url, token, ME);
    expect(answer).toMatchObject({
      status: 401,
      errors: [{ extensions: { code: "UNAUTHENTICATED" } }],
    });
  }
});
