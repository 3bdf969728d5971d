/** npm run new-table: writes the SQL of a new table of tenants, for docs/extending.md to go on. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { faultOfName, singularOf, typeNameOf } from "./new_table_name.ts";
import { filesOf, type NewTable } from "./new_table_sql.ts";

/** Where folders of your own begin and end, by number; the parent's comes before its children's. */
const FIRST = 60;
const LAST = 99;

export type NewTableOptions = {
  /** The checkout. */
  root: string;
  name: string;
  parent?: string | undefined;
  dryRun?: boolean;
};

/** Files by their path, and the lines that include them. */
export type Written = { files: Map<string, string>; includes: string };

/** The table can't be made as asked; the message says why. */
export class NewTableError extends Error {
  override name = "NewTableError";
}

/** Writes db/<number>_<name>/ and the lines of db/index.sql; changes nothing that there is. */
export async function newTable(options: NewTableOptions): Promise<Written> {
  const { root, name, parent, dryRun = false } = options;
  const fault = faultOfName(name);
  if (fault !== undefined) throw new NewTableError(fault);
  const schema = await readSchema(root);
  refuseTaken(name, schema, await readFile(`${root}/server/schema.graphql`, "utf8"));
  const table: NewTable = {
    name,
    parent: parent === undefined ? undefined : parentIn(schema, parent),
    isLogged: [...schema.values()].some((sql) => sql.includes("function app_private.tg__audit()")),
  };
  const folder = `${freeNumber(schema, parent)}_${name}`;
  const parts = filesOf(table);
  const includes = parts.map(([file]) => `--!include ${folder}/${file}\n`).join("");
  const files = new Map(parts.map(([file, sql]) => [`db/${folder}/${file}`, sql]));
  if (!dryRun) {
    await mkdir(`${root}/db/${folder}`);
    for (const [path, sql] of files) await writeFile(`${root}/${path}`, sql, { flag: "wx" });
    await addToIndex(`${root}/db/index.sql`, folder, includes);
  }
  return { files, includes };
}

/** The numbered files of db/, by path. */
async function readSchema(root: string): Promise<Map<string, string>> {
  const paths = (await readdir(`${root}/db`, { recursive: true })).filter((path) =>
    /^\d.*\.sql$/.test(path),
  );
  return new Map(
    await Promise.all(
      paths.map(async (path): Promise<[string, string]> => [
        path.replaceAll("\\", "/"),
        await readFile(`${root}/db/${path}`, "utf8"),
      ]),
    ),
  );
}

function refuseTaken(name: string, schema: Map<string, string>, api: string): void {
  const made = new RegExp(
    String.raw`^create (or replace )?(table|view|function|type|domain|sequence) (if not exists )?(app_public|app_private)\.${name}(?=[\s(]|$)`,
    "im",
  );
  for (const [path, sql] of schema) {
    if (path.split("/")[0]?.replace(/^\d+_/, "") === name) {
      throw new NewTableError(`There is db/${path} already. Nothing is overwritten.`);
    }
    if (made.test(sql)) {
      throw new NewTableError(`"${name}" is taken: db/${path} makes it. Nothing is overwritten.`);
    }
  }
  const type = typeNameOf(name);
  if (new RegExp(String.raw`^(type|input|enum|scalar|interface|union) ${type}\b`, "m").test(api)) {
    throw new NewTableError(`The API has a type ${type} already. Choose another name.`);
  }
}

function parentIn(schema: Map<string, string>, name: string): NonNullable<NewTable["parent"]> {
  const path = pathOfTable(schema, name);
  const singular = singularOf(name);
  const body = path === undefined ? "" : (schema.get(path) ?? "");
  const [definition = ""] =
    new RegExp(
      String.raw`^create table if not exists app_public\.${name} \([\s\S]*?^\);`,
      "m",
    ).exec(body) ?? [];
  if (singular === undefined || !/primary key \(tenant_id, id\)/.test(definition)) {
    throw new NewTableError(
      `The parent must be a table of tenants in app_public with primary key (tenant_id, id); "${name}" is none.`,
    );
  }
  return { name, singular };
}

function pathOfTable(schema: Map<string, string>, name: string): string | undefined {
  const isMade = new RegExp(String.raw`^create table if not exists app_public\.${name} \(`, "m");
  return [...schema].find(([, sql]) => isMade.test(sql))?.[0];
}

/** The first number after the parent's folder that no folder has. */
function freeNumber(schema: Map<string, string>, parent: string | undefined): number {
  const numbers = new Set([...schema.keys()].map((path) => Number.parseInt(path, 10)));
  const after = parent === undefined ? 0 : Number.parseInt(pathOfTable(schema, parent) ?? "0", 10);
  for (let number = Math.max(FIRST, after + 1); number <= LAST; number += 1) {
    if (!numbers.has(number)) return number;
  }
  throw new NewTableError(
    `No number up to ${LAST} is free in db/. Put the table into the folder of one that it belongs to.`,
  );
}

/** Folders stand in order there. */
async function addToIndex(path: string, folder: string, includes: string): Promise<void> {
  const groups = (await readFile(path, "utf8")).trimEnd().split("\n\n");
  const after = groups.findIndex((group) => folderOf(group).localeCompare(folder) > 0);
  groups.splice(after < 0 ? groups.length : after, 0, includes.trimEnd());
  await writeFile(path, `${groups.join("\n\n")}\n`);
}

function folderOf(group: string): string {
  return /--!include ([^/]+)\//.exec(group)?.[1] ?? "";
}

const USAGE = `Usage: npm run new-table -- <name> [--parent <table>] [--dry-run]

Writes db/<number>_<name>/ with a table of tenants, its rights and its policies, and adds it to
db/index.sql. <name> is a plural in snake_case, such as notes or project_files.

  --parent <table>  its rows belong to rows of this table, and go when they go
  --dry-run         print the files, write nothing`;

function nextSteps({ files, includes }: Written): string {
  return `Written: ${[...files.keys()].join(", ")} and the lines in db/index.sql.

1. Edit the columns and the comment in ${[...files.keys()][0] ?? ""}, and their rights in access.sql.
2. Add to migrations/current.sql:

${includes}
3. npm run schema, then npm test -- -u, and read the diff.
4. npm run db:commit when you are content.

docs/extending.md goes through it. (To fold a change of Rowhouse itself into its one migration, skip
2 and 4 and run npm run db:recommit.)`;
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      parent: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [name, ...others] = positionals;
  if (values.help || name === undefined || others.length > 0) {
    if (!values.help) process.exitCode = 2;
    console.log(USAGE);
    return;
  }
  const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
  const dryRun = values["dry-run"];
  const written = await newTable({ root, name, parent: values.parent, dryRun });
  if (dryRun) for (const [path, sql] of written.files) console.log(`-- ${path}\n${sql}`);
  else console.log(nextSteps(written));
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
}
