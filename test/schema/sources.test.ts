/** What holds of the files themselves, so that no reviewer has to look for it. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { expect, test } from "../support/index.ts";
import { schemaFiles } from "../support/schema.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PRODUCT = ["server", "tasks", "cli", "dev"];
const SQL_LINES = 300;
const FUNCTION_LINES = 120;

/** Every TypeScript file of these directories, by its path. */
async function sources(directories: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const directory of directories) {
    for (const path of await readdir(`${ROOT}/${directory}`, { recursive: true })) {
      if (!path.endsWith(".ts")) continue;
      const name = `${directory}/${path}`;
      files.set(name, await readFile(`${ROOT}/${name}`, "utf8"));
    }
  }
  return files;
}

test("no variable of the environment is read by name outside of the configuration", async () => {
  const files = await sources(PRODUCT);
  expect(files.size).toBeGreaterThan(80);
  const readers = [...files]
    .filter(([, text]) =>
      /process\s*\.\s*env\s*(\.|\?\.|\[)|\{[^}]*\}\s*=\s*process\.env/.test(text),
    )
    .map(([file]) => file);
  // Must be set before Grafast is loaded, so before any configuration is; it says so itself.
  expect(readers).toEqual(["server/graphile_env.ts"]);
});

test("only a process's entry hands the environment on", async () => {
  const holders = [...(await sources(PRODUCT))]
    .filter(
      ([, text]) => text.includes("process.env") || /import.*\benv\b.*node:process/.test(text),
    )
    .map(([file]) => file)
    .filter(
      (file) =>
        !/^((\w+|dev\/stripe)\/main|cli\/\w+|dev\/migrations|server\/graphile_env)\.ts$/.test(file),
    );
  expect(holders).toEqual([]);
});

test("no SQL file is longer than 300 lines, no function longer than 120", async () => {
  const files = await schemaFiles();
  const long = [...files].filter(([, text]) => text.split("\n").length > SQL_LINES);
  expect(long.map(([file]) => file)).toEqual([]);

  const functions = [...files].flatMap(([file, text]) =>
    [
      ...text.matchAll(/^create or replace function ([\w.]+)[\s\S]*?^(\$\$;|end;|return .*;)$/gm),
    ].map(([body, name]) => ({ file, name, lines: body.split("\n").length })),
  );
  expect(functions.length).toBeGreaterThan(25);
  expect(functions.filter(({ lines }) => lines > FUNCTION_LINES)).toEqual([]);
});

test("every SQL file of the schema is in the table of contents, once, and none is missing", async () => {
  const files = await schemaFiles();
  const listed = [...(files.get("index.sql") ?? "").matchAll(/^--!include (.*)$/gm)].map(
    ([, path = ""]) => path,
  );
  const definitions = [...files.keys()].filter((path) => /^\d/.test(path));
  expect(listed.toSorted()).toEqual(definitions.toSorted());
  const folders = listed.map((path) => path.split("/", 1).join());
  expect(folders).toEqual(folders.toSorted((a, b) => a.localeCompare(b)));
});

test("no function of ours runs a text as SQL, nor is a search path changed for a session", async () => {
  for (const [file, text] of await schemaFiles()) {
    // bootstrap.sql names databases and functions that it finds; the audit's rules only read.
    if (!/^\d/.test(file)) continue;
    const code = text
      .replaceAll(/\/\*[\s\S]*?\*\/|--.*$/gm, "")
      .replaceAll(/grant\s+execute\s+on/gi, "");
    // Triggers "execute function"; plpgsql's "execute" would take a text.
    expect(code, file).not.toMatch(/\bexecute\s+(?!function\b)(?!on\b)/i);
    expect(code, file).not.toMatch(/set_config\([^)]*false\s*\)/);
    expect(code, file).not.toMatch(/^set\s/im);
  }
});

test("settings are set by parameter and for a transaction only, whoever sets them", async () => {
  for (const [file, text] of await sources(["server", "tasks"])) {
    expect(text, file).not.toMatch(/set_config\([^)]*,\s*false\s*\)/);
    expect(text, file).not.toMatch(/set_config\([^)]*\$\{/);
    expect(text, file).not.toMatch(/\bset\s+(local\s+|session\s+)?(role|app\.)\w*\s*(=|to|\$)/i);
  }
});

test("Stripe is never called by a module's own client, but by the one that is handed in", async () => {
  for (const [file, text] of await sources(["server", "tasks"])) {
    if (file === "tasks/stripe_client.ts") continue;
    expect(text, file).not.toMatch(/new Stripe\(/);
  }
});

test("the lock file names no machine of ours to download from", async () => {
  const lock = await readFile(`${ROOT}/package-lock.json`, "utf8");
  expect(lock).not.toContain('"resolved"');
});

test("each dependency is pinned to one version and has its reason written down", async () => {
  const { dependencies, devDependencies } = JSON.parse(
    await readFile(`${ROOT}/package.json`, "utf8"),
  ) as Record<"dependencies" | "devDependencies", Record<string, string>>;
  const all = { ...dependencies, ...devDependencies };
  const reasons = await readFile(`${ROOT}/docs/decisions/dependencies.md`, "utf8");
  for (const [name, version] of Object.entries(all)) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    expect(reasons, name).toContain(`\`${name}\``);
  }
});
