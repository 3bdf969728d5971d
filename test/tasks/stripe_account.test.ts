/** Where the endpoint hears of several accounts, and the key opens them: one of them is ours. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { makeStripe } from "../../tasks/stripe_client.ts";
import { expect, test, withDatabase } from "../support/index.ts";
import { withSystem } from "../support/system.ts";
import { makeEvent, sendWebhook } from "../support/webhooks.ts";

test("S60: events of our account are worked, those of others are not", async () => {
  await withDatabase("migrated", (database) =>
    withSystem(
      database,
      { worker: false, config: { stripeAccountId: "acct_ours" } },
      async (system) => {
        const said = async (more: object) => {
          const { body } = await sendWebhook(system, JSON.stringify(makeEvent({ ...more })));
          return body;
        };
        expect(await said({ account: "acct_ours" })).toMatchObject({ status: "pending" });
        expect(await said({})).toMatchObject({ status: "pending" });
        expect(await said({ account: "acct_other" })).toMatchObject({ status: "foreign" });
      },
    ),
  );
});

test.for([{ accountId: "acct_ours" }, { accountId: undefined }])(
  "S60: every call to Stripe is made for our account: $accountId",
  async ({ accountId }) => {
    const contexts: unknown[] = [];
    const server = http.createServer((request, response) => {
      contexts.push(request.headers["stripe-context"]);
      response.setHeader("content-type", "application/json");
      response.end('{"id": "cus_1", "object": "customer"}');
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const apiBase = new URL(`http://127.0.0.1:${port}`);
      const stripe = makeStripe({ secretKey: "sk_test_x", apiBase, accountId });
      await stripe.customers.retrieve("cus_1");
      expect(contexts).toEqual([accountId]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  },
);
