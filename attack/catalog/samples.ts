/** Samples of arguments: how they are written down. */
import type { House } from "../fixture/plant.ts";

export type { House } from "../fixture/plant.ts";

type Word = string | number | boolean | object;

/**
 * By the argument's name without a leading p_, or by the function's and the argument's. `own`: for the
 * house's own call; else what another would ask for, to see whether it is there.
 */
export type Samples = Readonly<Record<string, Word | ((house: House, own: boolean) => unknown)>>;

/** What was planted in a column. */
export function first(house: House, table: string, column: string): unknown {
  return house.rows.get(table)?.[0]?.[column];
}
