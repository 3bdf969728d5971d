/** Where the endpoint hears of several accounts, and the key opens them: one of them is ours. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { makeStripe } from "../../tasks/stripe_client.ts";
import { deliver, foundSubscriber, newestEvent } from "../support/deliveries.ts";
import { expect, withDatabase } from "../support/index.ts";
import { openStripeDoor } from "../support/stripe_door.ts";
import { stands } from "../support/synced.ts";
import { withSystem } from "../support/system.ts";
import { test } from "../support/tasks.ts";
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

test("S60: what an event of our account tells of is asked of that account, what others tell of nobody", async ({
  workshop,
}) => {
  await using door = await openStripeDoor(workshop.stripeUrl);
  const access = { secretKey: "sk_test_tasks", apiBase: new URL(door.url) };
  const { tenantId } = await foundSubscriber(workshop);
  const ours = { ...(await newestEvent(workshop, "invoice.paid")), account: "acct_ours" };
  const other = makeEvent({ account: "acct_other" });
  const process = async (event: object) => {
    const said = await deliver(workshop, event, { accountId: "acct_ours" });
    await workshop.settle({ stripe: makeStripe({ ...access, accountId: "acct_ours" }) });
    return said;
  };
  expect(await process(other)).toBe("foreign");
  expect(door.calls).toEqual([]);
  expect(await process(ours)).toBe("pending");
  expect(new Set(door.calls.map(({ account }) => account))).toEqual(new Set(["acct_ours"]));
  expect(await stands(workshop, tenantId)).toMatchObject({ status: "active", access: "full" });
});
