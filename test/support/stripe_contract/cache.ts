/** The generated schemas on disk, because every test file needs some of them. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import Stripe from "stripe";

import { generateContract } from "./generate.ts";

/** What the schemas are made by. */
const GENERATOR = [
  "cache.ts",
  "declarations.ts",
  "endpoints.ts",
  "fields.ts",
  "generate.ts",
  "schema_of_type.ts",
  "schema_of_union.ts",
  "written.ts",
];
const HERE = import.meta.dirname;
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/rowhouse/", import.meta.url));

/** The directory with the schemas of the installed SDK; makes them if it isn't there yet. */
export function contractDirectory(): string {
  const directory = join(CACHE, `stripe-contract-${Stripe.PACKAGE_VERSION}-${fingerprint()}`);
  if (existsSync(directory)) return directory;
  const unfinished = `${directory}.${process.pid}`;
  write(unfinished);
  try {
    renameSync(unfinished, directory);
  } catch (error) {
    // Another run was quicker, with the same result.
    if (!existsSync(directory)) throw error;
  }
  return directory;
}

/** Other generators make other schemas of the same SDK. */
function fingerprint(): string {
  const hash = createHash("sha256");
  for (const file of GENERATOR) hash.update(readFileSync(join(HERE, file)));
  return hash.digest("hex").slice(0, 16);
}

function write(directory: string): void {
  const { endpoints, events, error, documents } = generateContract();
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "index.json"), JSON.stringify({ endpoints, events, error }));
  for (const [encoding, files] of Object.entries(documents)) {
    mkdirSync(join(directory, encoding), { recursive: true });
    for (const [name, document] of files) {
      writeFileSync(join(directory, encoding, name), JSON.stringify(document));
    }
  }
}
