import { parseArgs } from "node:util";

import { OperatorError } from "../operator_error.ts";
import { randomText } from "./store.ts";

/** What `npm run stripe -- --help` prints. */
export const USAGE = `Usage: npm run stripe -- [--port <n>] [--webhook-url <url> [--webhook-secret <secret>]] [--state <file>]

Runs the Stripe emulator alone. Any key that begins with sk_test_ is good.

  --port            where it listens; 0 for any free port. Default: STRIPE_EMULATOR_PORT or 12111
  --webhook-url     where every event is posted. More endpoints can be made by the API
  --webhook-secret  what those are signed with. Default: a new one at every start, printed
  --state           the file in which the state is kept. Default: in memory only

dev/stripe/README.md says what it can do.`;

/** The command line; what was not given is undefined. */
export type EmulatorOptions = {
  isHelp: boolean;
  port: number | undefined;
  webhook: { url: string; secret: string } | undefined;
  stateFile: string | undefined;
};

/** Reads the command line, or throws a line that says what is wrong with it. */
export function readOptions(args: string[]): EmulatorOptions {
  const { help = false, port, state, ...given } = read(args);
  const url = given["webhook-url"];
  const secret = given["webhook-secret"];
  if (secret !== undefined && url === undefined) {
    throw new OperatorError("--webhook-secret is of no use without --webhook-url");
  }
  return {
    isHelp: help,
    port: port === undefined ? undefined : portFrom(port),
    webhook: url === undefined ? undefined : webhookFrom(url, secret ?? newSecret()),
    stateFile: state,
  };
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        help: { type: "boolean" },
        port: { type: "string" },
        state: { type: "string" },
        "webhook-url": { type: "string" },
        "webhook-secret": { type: "string" },
      },
    }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError(`${message}\n\n${USAGE}`, { cause });
  }
}

function portFrom(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new OperatorError(`--port must be a whole number from 0 to 65535, not "${text}"`);
}

function webhookFrom(url: string, secret: string): { url: string; secret: string } {
  const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isHttp) throw new OperatorError(`--webhook-url must be an http or https URL, not "${url}"`);
  if (secret === "") throw new OperatorError("--webhook-secret must not be empty");
  return { url, secret };
}

function newSecret(): string {
  return `whsec_${randomText(32)}`;
}
