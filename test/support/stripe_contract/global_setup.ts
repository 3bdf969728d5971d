/** Makes the schemas before the first test and says after the last what was held to them. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { TestProject } from "vitest/node";

import { contractDirectory } from "./cache.ts";
import type { Counts } from "./tally.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const counts = await mkdtemp(join(tmpdir(), "rowhouse-stripe-"));
  project.provide("stripeContract", { schemas: contractDirectory(), counts });
  return async function teardown() {
    const all = await readCounts(counts);
    await rm(counts, { recursive: true, force: true });
    if (all.length > 0) process.stdout.write(`${summary(all)}\n`);
  };
}

async function readCounts(directory: string): Promise<Counts[]> {
  const files = await readdir(directory);
  return Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(directory, file), "utf8")) as Counts),
  );
}

function summary(all: Counts[]): string {
  const responses = total(all.map((counts) => counts.responses));
  const requests = total(all.map((counts) => counts.requests));
  const events = total(all.map((counts) => counts.events));
  return (
    `Stripe contract: ${responses.count} responses of ${responses.kinds} endpoints, ` +
    `${requests.count} requests of Rowhouse to ${requests.kinds} endpoints, ` +
    `${events.count} events of ${events.kinds} types`
  );
}

function total(all: Record<string, number>[]): { count: string; kinds: number } {
  const sum = all.flatMap((each) => Object.values(each)).reduce((a, b) => a + b, 0);
  const kinds = new Set(all.flatMap((each) => Object.keys(each))).size;
  return { count: sum.toLocaleString("en"), kinds };
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the schemas are, and where each test file leaves its figures. */
    stripeContract: { schemas: string; counts: string };
  }
}
