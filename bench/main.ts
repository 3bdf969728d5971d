/** npm run bench: the benchmarks, each against its baseline in one run. */
import { openServer, type BenchServer } from "./database.ts";
import { benchDrain } from "./drain.ts";
import { benchEngine } from "./engine.ts";
import { benchGraphql } from "./graphql.ts";
import { benchGrowth } from "./growth.ts";
import { benchInbox } from "./inbox.ts";
import { benchLatency } from "./latency.ts";
import {
  parseOptions,
  USAGE,
  UsageError,
  type BenchmarkName,
  type Options,
  type Scale,
} from "./options.ts";
import { benchPolicies } from "./policies.ts";
import { benchPreamble } from "./preamble.ts";
import { formatReport, makeReport, type Outcome } from "./report.ts";
import { seed } from "./seed.ts";
import { benchSkew } from "./skew.ts";
import { benchStripe } from "./stripe_emulator.ts";
import { benchWebhooks } from "./webhooks.ts";

async function main(options: Options): Promise<void> {
  const { names, scale, json, plans } = options;
  // Express and our server decide by it how they run; the forked ones inherit it.
  process.env["NODE_ENV"] = "production";
  log("starting PostgreSQL and migrating");
  await using server = await openServer(process.env["BENCH_DATABASE_URL"] || undefined);
  closeOnSignal(server);

  const shared = names.some(sharesData) ? await seedShared(server, scale) : undefined;
  const outcomes: Outcome[] = [];
  for (const name of names) {
    if (name === "growth") outcomes.push(await benchGrowth({ server, scale, log }));
    else if (name === "skew") outcomes.push(await benchSkew({ server, scale, log }));
    else if (name === "stripe") outcomes.push(await benchStripe({ scale, log }));
    else if (name === "webhooks") outcomes.push(await benchWebhooks({ server, scale, log }));
    else if (name === "inbox") outcomes.push(await benchInbox({ server, scale, log }));
    else if (name === "engine") outcomes.push(await benchEngine({ server, scale, log }));
    else if (name === "latency") outcomes.push(await benchLatency({ server, scale, log }));
    else if (name === "drain") outcomes.push(await benchDrain({ server, scale, log }));
    else if (shared === undefined) throw new Error(`There is no data for ${name}`);
    else {
      const given = { server, ...shared, scale, log };
      if (name === "policies") outcomes.push(await benchPolicies({ ...given, plans }));
      else if (name === "preamble") outcomes.push(await benchPreamble(given));
      else outcomes.push(await benchGraphql(given));
    }
  }
  const report = await makeReport(outcomes, server.postgresVersion, { plans });
  console.log(json ? JSON.stringify(report, null, 2) : formatReport(report));
}

/** The others have data of their own. */
function sharesData(name: BenchmarkName): boolean {
  return ["policies", "preamble", "graphql"].includes(name);
}

async function seedShared(server: BenchServer, scale: Scale) {
  log(`seeding ${scale.tenants} tenants with ${scale.projectsPerTenant} projects each`);
  const database = await server.createDatabase();
  return { database, seeded: await seed(database.urls.superuser, scale) };
}

/** The forked servers end with us; the database is ours to take away. */
function closeOnSignal(database: AsyncDisposable): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      // The process ends either way; what could not be removed is said by whoever removes it.
      const ended = () => process.exit(code);
      void database[Symbol.asyncDispose]().then(ended, ended);
    });
  }
}

function log(line: string): void {
  const seconds = performance.now() / 1000;
  process.stderr.write(`${seconds.toFixed(1).padStart(5)} s  ${line}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await main(options);
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
