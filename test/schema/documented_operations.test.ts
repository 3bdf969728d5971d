/** What docs/ tells a frontend to send is what the API takes. */
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { buildSchema, parse, validate } from "graphql";
import { expect, test } from "vitest";

import { repositoryFile } from "../support/contract.ts";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

test("every operation that docs/ gives to frontends is one that the API takes", async () => {
  const schema = buildSchema(await repositoryFile("server/schema.graphql"));
  const pages = (await readdir(DOCS)).filter((name) => /^frontend.*\.md$/.test(name));
  const faults: string[] = [];
  let count = 0;
  for (const page of pages) {
    const text = await repositoryFile(`docs/${page}`);
    for (const [, operation = ""] of text.matchAll(/^```graphql\n(.*?)^```/gms)) {
      count += 1;
      const errors = validate(schema, parse(operation));
      faults.push(...errors.map(({ message }) => `${page}: ${message}`));
    }
  }
  expect(faults).toEqual([]);
  expect(count).toBeGreaterThan(5);
});
