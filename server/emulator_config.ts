import type { Environment } from "./environment.ts";

/** What the Stripe emulator may be told by the environment. */
export type EmulatorConfig = {
  port: number;
  /** Names and numbers, which the emulator itself knows the meaning of. */
  chaos: Readonly<Record<string, string>>;
  /** The calls that are to fail, likewise. */
  faults: readonly Readonly<Record<string, string>>[];
};

export function emulatorConfig(read: Environment): EmulatorConfig {
  return {
    port: read.integer("STRIPE_EMULATOR_PORT", 12_111, { min: 0, max: 65_535 }),
    chaos: chaos(read),
    faults: read.list("STRIPE_EMULATOR_FAULTS", []).map((fault) => faultOf(read, fault)),
  };
}

/** `seed=7,duplicate=0.2` */
function chaos(read: Environment): Record<string, string> {
  const pairs = read.list("STRIPE_EMULATOR_CHAOS", []).map((pair) => {
    const [, name = "", value = ""] = /^(\w+)\s*=\s*(\d+(?:\.\d+)?|\.\d+)$/.exec(pair) ?? [];
    if (name === "") {
      read.fault(`STRIPE_EMULATOR_CHAOS must be like seed=7,duplicate=0.2, not "${pair}"`);
    }
    return [name, value];
  });
  return Object.fromEntries(pairs);
}

/** `kind=500_after method=POST nth=2` */
function faultOf(read: Environment, fault: string): Record<string, string> {
  const pairs = fault.split(/\s+/).map((pair) => /^(\w+)=(\S+)$/.exec(pair)?.slice(1) ?? []);
  if (pairs.some(({ length }) => length === 0)) {
    read.fault(
      `STRIPE_EMULATOR_FAULTS must be like kind=500_after method=POST nth=2, not "${fault}"`,
    );
  }
  return Object.fromEntries(pairs);
}
