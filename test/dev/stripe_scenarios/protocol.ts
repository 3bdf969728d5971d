import type { Stripe } from "stripe";
import { expect } from "vitest";

import type { Scenario } from "./bench.ts";
import { makeCustomer } from "./steps.ts";

/** What the header of a replay says. Clients keep headers in one way or another. */
function isReplayed({ lastResponse }: Stripe.Response<Stripe.Customer>): string | null {
  return new Headers(lastResponse.headers).get("idempotent-replayed");
}

/** How the API answers, whatever it is about. */
export const PROTOCOL: readonly Scenario[] = [
  {
    name: "an idempotency key gets the first answer again, and nothing but that",
    async run(bench) {
      const { stripe } = bench;
      const options = { idempotencyKey: bench.unique("key") };
      const name = bench.unique("Acme");
      const first = await stripe.customers.create({ name }, options);
      bench.afterwards(() => stripe.customers.del(first.id));
      expect(isReplayed(first)).toBeNull();
      const again = await stripe.customers.create({ name }, options);
      expect([again.id, isReplayed(again)]).toEqual([first.id, "true"]);
      const refusal = { statusCode: 400, rawType: "idempotency_error" };
      await expect(stripe.customers.create({ name: "Other" }, options)).rejects.toMatchObject(
        refusal,
      );
      await expect(stripe.products.create({ name }, options)).rejects.toMatchObject(refusal);
    },
  },
  {
    name: "a refusal says what is wrong: a missing object, a parameter, a value, a key",
    async run({ stripe, withKey }) {
      await expect(stripe.customers.retrieve("cus_nobody")).rejects.toMatchObject({
        statusCode: 404,
        code: "resource_missing",
        param: "id",
        requestId: expect.stringMatching(/^req_/),
      });
      const ask = (path: string, params: object) => stripe.rawRequest("POST", path, { ...params });
      await expect(ask("/v1/customers", { nonsense: "1" })).rejects.toMatchObject({
        statusCode: 400,
        code: "parameter_unknown",
        param: "nonsense",
      });
      await expect(ask("/v1/products", {})).rejects.toMatchObject({
        statusCode: 400,
        code: "parameter_missing",
        param: "name",
      });
      await expect(ask("/v1/nonsense", {})).rejects.toMatchObject({ statusCode: 404 });
      await expect(stripe.customers.list({ limit: 101 })).rejects.toMatchObject({
        statusCode: 400,
        param: "limit",
      });
      await expect(withKey("nonsense").customers.list()).rejects.toMatchObject({
        type: "StripeAuthenticationError",
        statusCode: 401,
      });
    },
  },
  {
    name: "a list is read page by page, newest first, and backwards",
    async run(bench) {
      const { customers } = bench.stripe;
      const clock = await bench.startClock();
      const test_clock = clock.id;
      const ids: string[] = [];
      for (const name of ["a", "b", "c"]) {
        ids.unshift((await customers.create({ test_clock, name })).id);
      }
      const page = await customers.list({ test_clock, limit: 2 });
      expect(page).toMatchObject({ object: "list", has_more: true, url: "/v1/customers" });
      const all = await customers.list({ test_clock, limit: 2 }).autoPagingToArray({ limit: 10 });
      expect(all.map((each) => each.id).toSorted()).toEqual(ids.toSorted());
      const [first, second, third] = all.map((each) => each.id);
      expect(page.data.map((each) => each.id)).toEqual([first, second]);
      const before = await customers.list({ test_clock, ending_before: third ?? "" });
      expect(before.data.map((each) => each.id)).toEqual([first, second]);
    },
  },
  {
    name: "a search has a page of its own kind, whether or not it finds what is new",
    async run(bench) {
      const { name } = await makeCustomer(bench);
      const found = await bench.stripe.customers.search({ query: `name:'${name}'` });
      expect(found).toMatchObject({ object: "search_result", has_more: false });
    },
  },
  {
    name: "what is expanded is there as a whole, up to four levels deep",
    async run(bench) {
      const { id } = await makeCustomer(bench);
      const intent = await bench.stripe.setupIntents.create({ customer: id, expand: ["customer"] });
      expect(intent.customer).toMatchObject({ id, object: "customer" });
      await expect(
        bench.stripe.customers.retrieve(id, { expand: ["nonsense"] }),
      ).rejects.toMatchObject({ statusCode: 400 });
    },
  },
];
