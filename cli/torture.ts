/**
 * npm run torture: the proof of billing at length. A process is killed on both sides of every
 * boundary, then histories made by chance are lived through.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";

import { causeOf } from "../server/process.ts";
import { ROOT } from "./migrate_settings.ts";

const USAGE = `npm run torture -- [--histories N] [--seed S]

  --histories N  how many tenants live by chance; 480 unless given
  --seed S       the first round's, to play a failure again; chosen and printed unless given`;

/** More would not fit into a day. */
const MAX_HISTORIES = 100_000;
const MAX_SEED = 2 ** 31;

try {
  const { values } = parseArgs({
    options: {
      histories: { type: "string", default: "480" },
      seed: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) console.log(USAGE);
  else process.exitCode = await torture(values);
} catch (error) {
  console.error(`torture: ${causeOf(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}

async function torture({ histories, seed }: { histories: string; seed?: string }): Promise<number> {
  const runner = spawn(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "test/billing"],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: {
        ...process.env,
        ROWHOUSE_TORTURE_HISTORIES: whole("histories", histories, MAX_HISTORIES),
        ...(seed === undefined ? {} : { ROWHOUSE_TORTURE_SEED: whole("seed", seed, MAX_SEED) }),
      },
    },
  );
  await once(runner, "exit");
  return runner.exitCode ?? 1;
}

function whole(name: string, value: string, most: number): string {
  if (/^\d{1,10}$/.test(value) && Number(value) <= most && (name === "seed" || Number(value) > 0)) {
    return value;
  }
  throw new Error(`--${name} must be a whole number up to ${most}`);
}
