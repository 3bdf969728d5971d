import { isUuid } from "../server/auth/claims.ts";

/** The uuid under `key`; throws when the payload is not what this task was promised. */
export function uuidFrom(payload: unknown, key: string): string {
  const value = field(payload, key);
  if (!isUuid(value)) throw new Error(`"${key}" must be a uuid`);
  return value;
}

/** The Stripe id under `key`, e.g. `cus_…` for prefix `cus`; of one of several kinds. */
export function stripeIdFrom(payload: unknown, key: string, ...prefixes: string[]): string {
  const value = field(payload, key);
  if (!isStripeId(value, prefixes)) {
    throw new Error(`"${key}" must be a Stripe id that starts with ${prefixes.join("_ or ")}_`);
  }
  return value;
}

/** The Stripe ids of one kind under `key`; none when it is left out. */
export function stripeIdsFrom(payload: unknown, key: string, prefix: string): string[] {
  const values = field(payload, key) ?? [];
  if (!Array.isArray(values) || !values.every((value) => isStripeId(value, [prefix]))) {
    throw new Error(`"${key}" must be Stripe ids that start with ${prefix}_`);
  }
  return values;
}

function isStripeId(value: unknown, prefixes: readonly string[]): value is string {
  return (
    typeof value === "string" &&
    prefixes.some((prefix) => value.startsWith(`${prefix}_`)) &&
    /^\w{1,255}$/.test(value)
  );
}

/** One of the words that are allowed under `key`. */
export function choiceFrom<T extends string>(
  payload: unknown,
  key: string,
  choices: readonly T[],
): T {
  const value = field(payload, key);
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw new Error(`"${key}" must be among ${choices.join(", ")}`);
  return choice;
}

/** The address of a web page under `key`. */
export function webAddressFrom(payload: unknown, key: string): string {
  const value = field(payload, key);
  const isWeb = typeof value === "string" && /^https?:\/\//.test(value) && URL.canParse(value);
  if (!isWeb) throw new Error(`"${key}" must be a web address`);
  return value;
}

function field(payload: unknown, key: string): unknown {
  return typeof payload === "object" && payload !== null ? Reflect.get(payload, key) : undefined;
}
