import { catalogOf } from "../support/catalog.ts";
import { expect, test, withClient } from "../support/index.ts";
import { applySchema, withBootstrappedDatabase } from "../support/schema.ts";

test("the migrations build the schema that db/ describes", async ({ database }) => {
  const migrated = await withClient(database.urls.superuser, catalogOf);
  const described = await withBootstrappedDatabase(async (empty) => {
    await applySchema(empty);
    return withClient(empty.urls.superuser, catalogOf);
  });

  expect(described.length).toBeGreaterThan(1_000);
  expect({
    "in db/ only: write it in migrations/current.sql": missing(described, migrated),
    "in the migrations only: write it in db/": missing(migrated, described),
  }).toEqual({
    "in db/ only: write it in migrations/current.sql": [],
    "in the migrations only: write it in db/": [],
  });
});

function missing(from: readonly string[], other: readonly string[]): string[] {
  const known = new Set(other);
  return from.filter((line) => !known.has(line));
}
