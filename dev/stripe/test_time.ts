import type { Context } from "./context.ts";
import { stateError } from "./errors.ts";
import { objectWithId } from "./object_with_id.ts";
import { isRecord } from "./params.ts";
import type { Route } from "./route.ts";

/** The context for a call: in the time of the test clock on which whatever it is about runs. */
export function inTimeOfCall(
  context: Context,
  route: Route,
  raw: Record<string, unknown>,
  id: string,
): Context {
  const { testClocks } = context.store;
  if (testClocks.size === 0) return context;
  const about = [id, raw["test_clock"], raw["subscription"], raw["customer"]];
  const clockId = about.map((each) => clockIdOf(context, each)).find((each) => each !== undefined);
  const clock = testClocks.get(clockId ?? "");
  if (clock === undefined) return context;
  if (clock.status === "advancing" && route.method !== "GET") {
    throw stateError("Test clock advancement underway - cannot perform modifications.");
  }
  return { ...context, clock: { now: () => clock.frozen_time } };
}

/** The context in the time of an object's test clock, if it is on one. */
export function inTimeOf(context: Context, id: string): Context {
  const clock = context.store.testClocks.get(clockIdOf(context, id) ?? "");
  return clock === undefined ? context : { ...context, clock: { now: () => clock.frozen_time } };
}

/** The test clock of an object, found by its own field or by its customer's. */
function clockIdOf({ store }: Context, id: unknown): string | undefined {
  if (typeof id !== "string" || id === "") return undefined;
  if (store.testClocks.has(id)) return id;
  const object: unknown = objectWithId(store, id);
  if (!isRecord(object)) return undefined;
  const own = object["test_clock"];
  if (typeof own === "string") return own;
  const customer = object["customer"];
  if (typeof customer !== "string") return undefined;
  const owner: unknown = store.customers.get(customer);
  const theirs = isRecord(owner) ? owner["test_clock"] : undefined;
  return typeof theirs === "string" ? theirs : undefined;
}
