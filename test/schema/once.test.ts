import { expect, test } from "../support/index.ts";
import { schemaFiles } from "../support/schema.ts";

const NAME = String.raw`(?:"[^"]+"|[\w.])+`;
const PLAIN =
  "schema|table|view|materialized view|index|type|domain|sequence|aggregate|role|extension";
const CREATE = new RegExp(
  String.raw`^\s*create\s+(?:or\s+replace\s+)?(?:unique\s+|unlogged\s+|constraint\s+)?` +
    String.raw`(?:(?<plain>${PLAIN})\s+(?:if\s+not\s+exists\s+)?(?<name>${NAME})` +
    String.raw`|(?<routine>function|procedure)\s+(?<called>${NAME})` +
    String.raw`|(?<attached>policy|trigger)\s+(?<label>${NAME})[\s\S]*?\son\s+(?<table>${NAME}))`,
  "gim",
);

test("each object is created in one place of db/", async () => {
  const places = new Map<string, string[]>();
  for (const [file, text] of await schemaFiles()) {
    for (const object of createdIn(text)) {
      const known = places.get(object) ?? [];
      // A function may have several signatures, which stand together.
      const overload = object.startsWith("function") && known.includes(file);
      if (!overload) places.set(object, [...known, file]);
    }
  }

  expect(places.size).toBeGreaterThan(50);
  expect([...places].filter(([, files]) => files.length > 1)).toEqual([]);
});

test("a second definition is noticed, whatever it looks like", () => {
  const text = `
    /* create table app_public.commented (); */
    -- create table app_public.commented_too ();
    create table if not exists app_public.a (id int);
    create or replace function app_public.b(x int) returns int language sql return 1;
    create unique index if not exists c_idx on app_public.a (id);
    create policy "p q" on app_public.a for select using (true);
    create or replace trigger _100_t
      after insert or update of id on app_public.a
      for each row execute function app_private.f();
  `;
  expect(createdIn(text)).toEqual([
    "table app_public.a",
    "function app_public.b",
    "index c_idx",
    'policy "p q" on app_public.a',
    "trigger _100_t on app_public.a",
  ]);
});

function createdIn(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|--.*$/gm, "");
  return [...code.matchAll(CREATE)].map(({ groups = {} }) => {
    const { plain, name, routine, called, attached, label, table } = groups;
    if (plain !== undefined) return `${plain} ${name}`.toLowerCase();
    if (routine !== undefined) return `${routine} ${called}`.toLowerCase();
    return `${attached} ${label} on ${table}`.toLowerCase();
  });
}
