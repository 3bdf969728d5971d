import { getIntrospectionQuery } from "postgraphile/graphql";

import { graphql } from "../support/client.ts";
import { expect } from "../support/index.ts";
import { test } from "../support/system.ts";

test("tools may introspect the schema, with everything they ask for", async ({ system }) => {
  const answer = await graphql(
    system.url,
    undefined,
    getIntrospectionQuery({
      descriptions: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
      schemaDescription: true,
      specifiedByUrl: true,
    }),
  );
  expect(answer.errors).toEqual([]);
  expect(answer.data).toHaveProperty("__schema.queryType.name", "Query");
});
