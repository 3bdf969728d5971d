/** Where in db/ an object is made, by the name that the audit calls it by. */
import { readdir, readFile } from "node:fs/promises";

/** A line of a file of the checkout. */
export type Place = { file: string; line: number };

const DB = new URL("../db/", import.meta.url);

/** Reads db/ once; the function it gives finds an object, or nothing. */
export async function readPlaces(): Promise<(object: string) => Place | undefined> {
  const files = await schemaFiles();
  return function placeOf(object) {
    for (const pattern of patternsOf(object)) {
      for (const [file, lines] of files) {
        const index = lines.findIndex((line) => pattern.test(line));
        if (index >= 0) return { file, line: index + 1 };
      }
    }
    return undefined;
  };
}

/** By what the line that makes it begins with; a part of a table may have to make do with that. */
function patternsOf(object: string): RegExp[] {
  const [whole = object] = object.split(" for ");
  const [, part, table = whole] = /^(.*) (?:on|of) (.+)$/.exec(whole) ?? [];
  const name = literal(table.replace(/\(.*$/, "").replace(/^schema /, ""));
  const unqualified = literal(table.replace(/^[\w"]+\./, ""));
  const kinds = "schema|table|view|materialized view|function|procedure|sequence|type|domain";
  const sources = [
    ...(part === undefined
      ? []
      : [
          String.raw`^create policy ${literal(part)} on ${name}\b`,
          String.raw`^\s*constraint ${literal(part)}\b`,
        ]),
    String.raw`^create (or replace )?(${kinds}) (if not exists )?${name}(?=[\s(;]|$)`,
    // An index or a unique key stands without its schema.
    String.raw`^create (unique )?index (if not exists )?${unqualified}\b`,
    String.raw`^\s*constraint ${unqualified}\b`,
  ];
  return sources.map((source) => new RegExp(source, "i"));
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** The schema's files, in order, by their path in the checkout. */
async function schemaFiles(): Promise<[file: string, lines: string[]][]> {
  const names = await readdir(DB, { recursive: true });
  return Promise.all(
    names
      .filter((name) => /^\d.*\.sql$/.test(name))
      .toSorted()
      .map(async (name): Promise<[string, string[]]> => {
        const text = await readFile(new URL(name, DB), "utf8");
        return [`db/${name.replaceAll("\\", "/")}`, text.split("\n")];
      }),
  );
}
