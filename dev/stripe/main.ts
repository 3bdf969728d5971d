/** npm run stripe: the emulator alone, for whoever has a receiver of their own. */
import { parseEmulatorConfig } from "../../server/config.ts";
import { untilStopped, type Closeable } from "../../server/process.ts";
import { explainedStart } from "../emulator_start.ts";
import { startStripeEmulator } from "./emulator.ts";
import { readOptions, USAGE } from "./options.ts";

async function start(): Promise<Closeable> {
  const config = parseEmulatorConfig(process.env);
  const { isHelp, webhook, stateFile, port = config.port } = readOptions(process.argv.slice(2));
  if (isHelp) {
    console.log(USAGE);
    process.exit(0);
  }
  const emulator = await startStripeEmulator({
    port,
    chaos: config.chaos,
    faults: config.faults,
    log: (line) => console.log(line),
    ...(webhook === undefined ? {} : { webhook }),
    ...(stateFile === undefined ? {} : { stateFile }),
  }).catch((error: unknown) => {
    throw explainedStart(error, port);
  });
  console.log(`The Stripe emulator is at ${emulator.url}`);
  console.log(`  state     ${stateFile ?? "in memory only (--state keeps it)"}`);
  console.log(`  webhooks  ${webhook?.url ?? "only to the endpoints made by the API"}`);
  if (webhook !== undefined) console.log(`  secret    ${webhook.secret}`);
  return emulator;
}

await untilStopped("npm run stripe", start);
