import fc from "fast-check";

import { signHeader } from "../support/webhooks.ts";
import { post } from "../support/client.ts";
import { expect } from "../support/index.ts";
import { faultOf } from "../support/contract.ts";
import { countRows, test } from "../support/quiet_system.ts";

/** JSON with a bias to the names that the endpoints read, so that it gets past the first check. */
const body = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      query: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue(), fc.constant("{ __typename }")),
      variables: fc.jsonValue(),
      operationName: fc.jsonValue(),
      extensions: fc.jsonValue(),
      tenantId: fc.oneof(fc.uuid(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  ),
);

test("no JSON whatever makes /graphql or /auth/token fail on our side", async ({
  system,
  admin,
  alice,
}) => {
  const before = await countRows(admin);
  await fc.assert(
    fc.asyncProperty(body, fc.boolean(), async (json, isSignedIn) => {
      const bearer = (token: string) => (isSignedIn ? { authorization: `Bearer ${token}` } : {});
      const answers = await Promise.all([
        post(`${system.url}/graphql`, JSON.stringify(json), bearer(alice.token)),
        post(`${system.url}/auth/token`, JSON.stringify(json), bearer(alice.person.session)),
      ]);
      expect(answers.map(faultOf)).toEqual([undefined, undefined]);
    }),
    { numRuns: 100 },
  );
  expect(await countRows(admin)).toEqual(before);
});

test("no bytes under no headers make the webhook fail on our side, or store anything", async ({
  system,
  admin,
}) => {
  const before = await countRows(admin);
  const text = fc.stringMatching(/^[\x20-\x7e]{0,80}$/);
  const signature = fc.oneof(
    text,
    fc.tuple(fc.integer(), text).map(([t, v1]) => `t=${t},v1=${v1}`),
    fc.tuple(fc.integer(), text).map(([t, v1]) => `t=${t},t=,v0=${v1},v1=,`),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2000 }),
      signature,
      text,
      text,
      async (bytes, stripeSignature, contentType, requestId) => {
        const response = await fetch(`${system.url}/webhooks/stripe`, {
          method: "POST",
          headers: {
            "stripe-signature": stripeSignature,
            "content-type": contentType,
            "x-request-id": requestId,
          },
          body: bytes,
        });
        expect(faultOf({ status: response.status, body: await response.json() })).toBeUndefined();
        expect(response.status).toBe(400);
      },
    ),
    { numRuns: 100 },
  );
  expect(await countRows(admin)).toEqual(before);
});

test("a signed body that is any JSON but an event is refused, and stores nothing", async ({
  system,
  admin,
}) => {
  const before = await countRows(admin);
  const almost = fc.record(
    {
      id: fc.jsonValue(),
      object: fc.oneof(fc.constant("event"), fc.jsonValue()),
      type: fc.jsonValue(),
      livemode: fc.jsonValue(),
      created: fc.jsonValue(),
      data: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), almost), async (json) => {
      const payload = JSON.stringify(json);
      const answer = await post(`${system.url}/webhooks/stripe`, payload, {
        "stripe-signature": signHeader(payload, system.webhookSecret),
      });
      expect({ fault: faultOf(answer), status: answer.status }).toEqual({ status: 400 });
    }),
    { numRuns: 100 },
  );
  expect(await countRows(admin)).toEqual(before);
});
