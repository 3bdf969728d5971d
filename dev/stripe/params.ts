import { invalidParameter, missingParameter, unknownParameter } from "./errors.ts";

/** Reads one parameter, or throws an error that names it: `at` is its full name, `items[0][price]`. */
export type Field<T> = (raw: unknown, at: string) => T;
type Fields = Record<string, Field<unknown>>;

/** What a shape gives: required fields for certain, the others perhaps. */
export type Decoded<R extends Fields, O extends Fields> = {
  [K in keyof R]: ReturnType<R[K]>;
} & Optional<O>;
/** What a shape without required fields gives. */
export type Optional<O extends Fields> = { [K in keyof O]?: ReturnType<O[K]> };

const MAX_TEXT = 5000;
const MAX_METADATA_KEYS = 50;

/** Text of at most 5,000 characters. An empty string stands for "unset", as it does to Stripe. */
export function text(raw: unknown, at: string): string {
  if (typeof raw !== "string") throw invalidParameter(at, `Invalid string: ${show(raw)}`);
  if (raw.length > MAX_TEXT) {
    throw invalidParameter(at, `Invalid string: must be at most ${MAX_TEXT} characters`);
  }
  return raw;
}

/** A page that a browser can be sent to. */
export function webAddress(raw: unknown, at: string): string {
  const value = text(raw, at);
  if (/^https?:$/.test(URL.parse(value)?.protocol ?? "")) return value;
  throw invalidParameter(at, "Not a valid URL", "url_invalid");
}

/** A whole number. */
export function integer(raw: unknown, at: string): number {
  const value = typeof raw === "number" ? raw : Number(text(raw, at));
  if (raw === "" || !Number.isSafeInteger(value)) {
    throw invalidParameter(at, `Invalid integer: ${show(raw)}`, "parameter_invalid_integer");
  }
  return value;
}

/** A whole number between two bounds, which are allowed. */
export function bounded(least: number, most: number): Field<number> {
  return (raw, at) => {
    const value = integer(raw, at);
    if (value >= least && value <= most) return value;
    throw invalidParameter(at, `${at} must be from ${least} to ${most}`);
  };
}

/** `true` or `false`. */
export function boolean(raw: unknown, at: string): boolean {
  if (raw === "true" || raw === true) return true;
  if (raw === "false" || raw === false) return false;
  throw invalidParameter(at, `Invalid boolean: ${show(raw)}`);
}

/** One of a few words. */
export function oneOf<const W extends string>(...words: W[]): Field<W> {
  return (raw, at) => {
    const found = words.find((word) => word === raw);
    if (found !== undefined) return found;
    throw invalidParameter(at, `Invalid ${at}: must be one of ${words.join(", ")}`);
  };
}

/** Either of two kinds: the first that fits. */
export function either<A, B>(first: Field<A>, second: Field<B>): Field<A | B> {
  return (raw, at) => {
    try {
      return first(raw, at);
    } catch {
      return second(raw, at);
    }
  };
}

/** The same, or an empty string, which unsets it and is read as null. */
export function emptyable<T>(field: Field<T>): Field<T | null> {
  return (raw, at) => (raw === "" || raw === null ? null : field(raw, at));
}

/** A list: `a[]=x`, `a[0]=x`, or the index-keyed object that long lists arrive as. */
export function list<T>(field: Field<T>): Field<T[]> {
  return (raw, at) => {
    if (raw === "") return [];
    const values = isRecord(raw) ? Object.values(raw) : raw;
    if (!Array.isArray(values)) throw invalidParameter(at, "Invalid array");
    return values.map((value: unknown, index) => field(value, `${at}[${index}]`));
  };
}

/** Names and values; an empty value unsets the name, and an empty string unsets them all (null). */
export function metadata(raw: unknown, at: string): Record<string, string> | null {
  if (raw === "" || raw === null) return null;
  if (!isRecord(raw)) throw invalidParameter(at, "Invalid hash");
  const entries = Object.entries(raw).map(([key, value]) => metadataEntry(key, value, at));
  if (entries.length > MAX_METADATA_KEYS) {
    throw invalidParameter(at, `Metadata can have at most ${MAX_METADATA_KEYS} keys`);
  }
  return Object.fromEntries(entries);
}

function metadataEntry(key: string, value: unknown, at: string): [string, string] {
  const content = text(typeof value === "number" ? String(value) : value, `${at}[${key}]`);
  if (key.length > 40 || content.length > 500) {
    throw invalidParameter(`${at}[${key}]`, "Metadata keys have at most 40 characters, values 500");
  }
  return [key, content];
}

/** A hash of known fields; anything else is refused by name. */
export function shape<R extends Fields, O extends Fields>(
  required: R | undefined,
  optional: O | undefined,
): Field<Decoded<R, O>> {
  const fields: Fields = { ...required, ...optional };
  const needed = Object.keys(required ?? {});
  return (raw, at) => {
    if (!isRecord(raw)) throw invalidParameter(at, "Invalid hash");
    const stranger = Object.keys(raw).find((key) => !Object.hasOwn(fields, key));
    if (stranger !== undefined) throw unknownParameter(inside(at, stranger));
    const absent = needed.find((key) => raw[key] === undefined || raw[key] === "");
    if (absent !== undefined) throw missingParameter(inside(at, absent));
    const entries = Object.entries(raw).map(([key, value]) => [
      key,
      fields[key]?.(value, inside(at, key)),
    ]);
    // Built key by key from the fields themselves, which is beyond what the compiler follows.
    const decoded: Decoded<R, O> = Object.fromEntries(entries);
    return decoded;
  };
}

function inside(at: string, key: string): string {
  return at === "" ? key : `${at}[${key}]`;
}

/** True of a plain object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(raw: unknown): string {
  return typeof raw === "string" ? raw : JSON.stringify(raw);
}

/** `old` with the metadata given laid over it; null clears it. */
export function mergeMetadata(
  old: Record<string, string>,
  given: Record<string, string> | null | undefined,
): Record<string, string> {
  if (given === undefined) return old;
  if (given === null) return {};
  return Object.fromEntries(
    Object.entries({ ...old, ...given }).filter(([, value]) => value !== ""),
  );
}

/** Text for a field that may be null: an empty string unsets it. */
export function textOrNull(given: string | null | undefined): string | null {
  return given === undefined || given === "" ? null : given;
}
