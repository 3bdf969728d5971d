/** One thing to try through GraphQL, and how many of them go into one document. */
import type { House } from "../fixture/plant.ts";

export type Argument = {
  name: string;
  type: string;
  /** With a house's values; undefined when it has none to give. */
  value: (house: House) => unknown;
};

export type Probe = {
  operation: "query" | "mutation" | "subscription";
  /** `Query.projects`. */
  object: string;
  verb: string;
  field: string;
  /** The object type whose rows it is about, if of any. */
  subject: string | undefined;
  args: readonly Argument[];
  /** Braces included; empty for a leaf. */
  selection: string;
  /** Whether the owner must get an answer with their own values: or else it proves nothing. */
  isControlled: boolean;
  /** How many of its own rows the owner must count, where that is known. */
  counted?: string;
  /** What is asked is the same for everybody, and belongs to no tenant. */
  isShared: boolean;
  /**
   * Who asks it: everybody; the owner alone, where the others' answers would tell nothing new; or
   * the owner when there is time for what other probes have as good as asked.
   */
  by: "everybody" | "owner" | "owner at leisure";
};

/** A probe with the values that it is sent with. */
export type Shot = { probe: Probe; values: Readonly<Record<string, unknown>> };

/** Several shots in one document; the nth has the alias `p<n>`. */
export type Volley = {
  query: string;
  variables: Record<string, unknown>;
  shots: readonly Shot[];
};

/** As many fields as a document holds without being refused for its size. */
const MOST_SHOTS = 20;
const MOST_CHARACTERS = 120_000;

/** The probe with a house's values; undefined when the house has not all of them. */
export function aim(probe: Probe, house: House): Shot | undefined {
  const values: Record<string, unknown> = {};
  for (const { name, value } of probe.args) {
    const given = value(house);
    if (given === undefined) return undefined;
    values[name] = given;
  }
  return { probe, values };
}

/**
 * Shots of one operation in few documents, of which the server plans each once: so whoever sends the
 * same probes sends the same documents, whatever else they send.
 */
export function volleys(shots: readonly Shot[]): Shot[][] {
  const all: Shot[][] = [];
  let size = 0;
  for (const [n, shot] of shots.entries()) {
    const length = shot.probe.selection.length + JSON.stringify(shot.values).length + 200;
    const last = all.at(-1);
    const isAlike = shots[n - 1]?.probe.by === shot.probe.by;
    if (
      last !== undefined &&
      isAlike &&
      last.length < MOST_SHOTS &&
      size + length <= MOST_CHARACTERS
    ) {
      last.push(shot);
      size += length;
    } else {
      all.push([shot]);
      size = length;
    }
  }
  return all;
}

/** One document; its text depends on the probes alone, so that the server plans it once. */
export function volleyOf(shots: readonly Shot[]): Volley {
  const variables: Record<string, unknown> = {};
  const declared: string[] = [];
  const fields = shots.map(({ probe, values }, n) => {
    const given = probe.args.map(({ name, type }) => {
      variables[`p${n}_${name}`] = values[name];
      declared.push(`$p${n}_${name}: ${type}`);
      return `${name}: $p${n}_${name}`;
    });
    const args = given.length === 0 ? "" : `(${given.join(", ")})`;
    return `p${n}: ${probe.field}${args} ${probe.selection}`;
  });
  const head = declared.length === 0 ? "" : `(${declared.join(", ")})`;
  const operation = shots[0]?.probe.operation ?? "query";
  return { query: `${operation} ${head} {\n${fields.join("\n")}\n}`, variables, shots };
}
