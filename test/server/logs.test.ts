import { createHash } from "node:crypto";

import Stripe from "stripe";

import { makeApiKey } from "../support/api_key_client.ts";
import { accessToken, graphql, post } from "../support/client.ts";
import { expect, test, withClient } from "../support/index.ts";
import { foundOpenTenant } from "../support/quiet_system.ts";
import { withSystem } from "../support/system.ts";
import { makeEvent, sendWebhook, signHeader } from "../support/webhooks.ts";
import { makeLogger } from "../../server/logger.ts";

const PASSWORD = "correct horse battery";
const AUTH_SECRET = "the-secret-that-signs-the-cookies-0123";
const CLIENT_SECRET = "pi_1_secret_abcdef";

test("no line of the log holds a password, a token, an API key, a cookie, a signature or a client secret", async ({
  database,
}) => {
  const lines: string[] = [];
  const logger = makeLogger("trace", "test", { write: (line) => lines.push(line) });
  const secrets: Record<string, string> = { PASSWORD, AUTH_SECRET, CLIENT_SECRET };
  await withClient(database.urls.superuser, (admin) =>
    withSystem(
      database,
      { worker: false, logger, config: { authSecret: AUTH_SECRET } },
      async (system) => {
        const { url } = system;
        const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
        const credentials = { email: alice.person.email, password: PASSWORD };
        const signedIn = await post(`${url}/api/auth/sign-in/email`, credentials);
        const cookie = signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
        await post(`${url}/api/auth/sign-in/email`, { ...credentials, password: "wrong-password" });
        const token = await accessToken(url, alice.person, alice.tenantId);
        await post(`${url}/auth/token`, {}, { cookie });
        await post(`${url}/auth/token?token=${token}`, {}, { authorization: `Bearer ${token}` });

        const { secret: apiKey } = await makeApiKey(alice, ["read"]);
        const withTypo = `${apiKey.slice(0, -1)}x`;
        for (const key of [apiKey, withTypo]) {
          const headers = { authorization: `Bearer ${key}` };
          await post(`${url}/graphql`, { query: "query { nothing }" }, headers);
          await post(`${url}/graphql?key=${key}`, { query: "{ currentTenant { name } }" }, headers);
          await post(`${url}/auth/token`, {}, headers);
          await post(`${url}/api/auth/get-session`, {}, headers);
          await post(`${url}/api/auth/sign-in/email`, { email: key, password: key });
        }

        await admin.query("update app_public.billing_accounts set client_secret = $1", [
          CLIENT_SECRET,
        ]);
        const billing = await alice.ask("query { currentTenant { billing { clientSecret } } }");
        expect(billing.data).toEqual({
          currentTenant: { billing: { clientSecret: CLIENT_SECRET } },
        });

        // A fault of ours is logged whole, with the request that met it.
        await admin.query(`
        create or replace function app_public.tenant_has_feature(feature text) returns boolean
          language plpgsql stable parallel safe
        as $$ begin raise exception 'broken on purpose'; end $$
      `);
        for (const bearer of [alice.token, apiKey]) {
          await graphql(
            url,
            bearer,
            "query ($feature: String) { tenantHasFeature(feature: $feature) }",
            { feature: CLIENT_SECRET },
          );
        }
        await admin.query("revoke execute on function app_private.enter from rowhouse_server");
        expect(
          await post(`${url}/auth/token`, {}, { authorization: `Bearer ${alice.person.session}` }),
        ).toMatchObject({ status: 500 });

        // What Stripe answers to a payment that is declined has the payment in it.
        const declined = Object.assign(new Stripe.errors.StripeError({ type: "card_error" }), {
          payment_intent: { client_secret: CLIENT_SECRET },
          setup_intent: { client_secret: CLIENT_SECRET },
        });
        logger.error({ err: declined }, "a job failed");
        logger.error({ err: new Error("again", { cause: declined }) }, "a job failed");

        const payload = JSON.stringify(makeEvent({ client_secret: CLIENT_SECRET }));
        const signature = signHeader(payload, system.webhookSecret);
        await sendWebhook(system, payload, { signature });
        await sendWebhook(system, payload, { secret: "whsec_other" });
        Object.assign(secrets, {
          webhookSecret: system.webhookSecret,
          signature: signature.split("v1=")[1],
          session: alice.person.session,
          token,
          apiKey: apiKey.slice("rh_test_".length, -4),
          apiKeyHash: createHash("sha256").update(apiKey).digest("hex"),
          cookie: cookie.split("=")[1],
          wrong: "wrong-password",
          databaseUrl: new URL(database.urls.server).password,
        });
      },
    ),
  );

  const log = lines.join("");
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secret.length, name).toBeGreaterThan(5);
    expect(log.includes(secret), name).toBe(false);
    expect(log.includes(encodeURIComponent(secret)), name).toBe(false);
  }
  // The log is there, at its most talkative, and does say what happened.
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records).toContainEqual(
    expect.objectContaining({
      req: { id: expect.any(String), method: "POST", path: "/graphql", ip: "127.0.0.1" },
      res: { statusCode: 200 },
    }),
  );
  expect(log).toContain("broken on purpose");
  expect(log).toContain("permission denied for function enter");
});
