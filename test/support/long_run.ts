/** How much is tried by chance: little in `npm test`, as much as was asked for by `npm run torture`. */
export type LongRun = {
  /** Whether every place is attacked, not a sample. */
  isOn: boolean;
  histories: number;
  seed: number | undefined;
};

const { ROWHOUSE_TORTURE_HISTORIES: histories, ROWHOUSE_TORTURE_SEED: seed } = process.env;

export const longRun: LongRun = {
  isOn: histories !== undefined,
  histories: Number(histories ?? 8),
  seed: seed === undefined ? undefined : Number(seed),
};
