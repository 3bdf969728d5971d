/** npm run bench: the benchmarks, each against its baseline in one run. */
import { openDatabase } from "./database.ts";
import { benchGraphql } from "./graphql.ts";
import { parseOptions, USAGE, UsageError, type Options } from "./options.ts";
import { benchPolicies } from "./policies.ts";
import { formatReport, makeReport, type Outcome } from "./report.ts";
import { seed } from "./seed.ts";
import { benchStripe } from "./stripe_emulator.ts";

async function main(options: Options): Promise<void> {
  const { names, scale, json, plans } = options;
  // Express and our server decide by it how they run; the forked ones inherit it.
  process.env["NODE_ENV"] = "production";
  log("starting PostgreSQL and migrating");
  await using database = await openDatabase(process.env["BENCH_DATABASE_URL"] || undefined);
  closeOnSignal(database);
  log(`seeding ${scale.tenants} tenants with ${scale.projectsPerTenant} projects each`);
  const seeded = await seed(database.urls.superuser, scale);

  const outcomes: Outcome[] = [];
  for (const name of names) {
    outcomes.push(
      name === "stripe"
        ? await benchStripe({ scale, log })
        : name === "policies"
          ? await benchPolicies({ database, seeded, scale, plans, log })
          : await benchGraphql({ database, seeded, scale, log }),
    );
  }
  const report = await makeReport(outcomes, database.postgresVersion, { plans });
  console.log(json ? JSON.stringify(report, null, 2) : formatReport(report));
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
