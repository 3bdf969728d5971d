/**
 * The counterpart of a house that does not exist. An answer about B's row must be the answer about a
 * row that was never there, or else it tells that B's row exists. So every shot at B is fired once
 * more with ids and names that differ in their last characters only: they sort where B's do.
 */
import { randomBytes } from "node:crypto";

import type { House } from "../fixture/plant.ts";

export type Twin = {
  /** The value with the twin's ids and names in place of the house's, also inside global ids. */
  of(value: unknown): unknown;
  /** A text with the house's again in place of the twin's. */
  back(text: string): string;
};

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const ENCODED = /^[A-Za-z0-9+/]{8,}={0,2}$/;

export function twinOf({ canary, tenantId, rows }: House): Twin {
  const pairs = new Map<string, string>();
  const ids = new Set([tenantId, ...(JSON.stringify([...rows.values()]).match(UUID) ?? [])]);
  for (const id of ids) pairs.set(id, id.slice(0, -12) + randomBytes(6).toString("hex"));
  const other = canary.slice(0, -6) + randomBytes(3).toString("hex");
  for (const spell of [same, plain, snake]) pairs.set(spell(canary), spell(other));

  function text(value: string): string {
    const known = pairs.get(value);
    if (known !== undefined) return known;
    const inside = decoded(value);
    const changed = inside === undefined ? replaced(value, pairs) : btoa(text(inside));
    if (inside !== undefined && changed !== value) pairs.set(value, changed);
    return changed;
  }
  function deep(value: unknown): unknown {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(deep);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deep(inner)]));
  }
  return {
    of: deep,
    back: (answer) => replaced(answer, new Map([...pairs].map(([house, twin]) => [twin, house]))),
  };
}

function replaced(value: string, pairs: ReadonlyMap<string, string>): string {
  let changed = value;
  for (const [from, to] of pairs) changed = changed.replaceAll(from, to);
  return changed;
}

/** What a global id or a cursor says, as JSON; undefined for any other text. */
function decoded(value: string): string | undefined {
  if (!ENCODED.test(value)) return undefined;
  const inside = Buffer.from(value, "base64").toString("latin1");
  return inside.startsWith("[") ? inside : undefined;
}

const same = (text: string) => text;
const plain = (text: string) => text.replaceAll("-", "");
const snake = (text: string) => text.replaceAll("-", "_");
