/** Objects that Stripe itself publishes for tests, where they are at hand. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BESIDE = new URL("../../../shared/stripe-fixtures/fixtures3.json", import.meta.url);

/** By their name there, such as `customer`; undefined where the file isn't. */
export function stripeFixtures(): Record<string, { object: string }> | undefined {
  const path = process.env["STRIPE_FIXTURES"] ?? fileURLToPath(BESIDE);
  if (!existsSync(path)) return undefined;
  const { resources } = JSON.parse(readFileSync(path, "utf8")) as {
    resources: Record<string, { object: string }>;
  };
  return resources;
}
