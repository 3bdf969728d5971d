/** npm run attack: tries to get at another tenant's rows in every way there is. */
import { ConfigError } from "../server/config.ts";
import { describeConnectionError, messageOf } from "../server/connection_error.ts";
import { OperatorError } from "../dev/operator_error.ts";
import { describeAttempt, failures } from "./attempt.ts";
import { openScratchArena } from "./mutants/scratch.ts";
import { runMutants } from "./mutants/run.ts";
import { describeSummary, summarize } from "./mutants/summary.ts";
import { parseOptions, USAGE, UsageError, type Options } from "./options.ts";
import { reportOf, tableOf } from "./report/summary.ts";
import { writeReport } from "./report/write.ts";
import { runAttack } from "./run.ts";
import { openAttackTarget, requireServer, TargetError, type AttackTarget } from "./target.ts";

const MOST_LINES = 40;

async function attack(options: Options): Promise<void> {
  const { layers, seed, html, json } = options;
  await using target = await openAttackTarget(process.env, options);
  if (layers.some((layer) => layer !== "catalog")) await requireServer(target.url);
  log(`seed ${seed}`);
  const startedAt = new Date().toISOString();
  const attempts = await explained(target, () => runAttack(target, { layers, seed, log }));
  const report = reportOf(
    {
      startedAt,
      seconds: Math.round(performance.now() / 100) / 10,
      database: withoutPassword(target.migrator),
      server: layers.length === 1 && layers[0] === "catalog" ? "" : target.url,
      seed,
    },
    attempts,
  );
  await writeReport(report, { html, json });
  console.log(tableOf(report.summary));
  const failed = failures(attempts);
  for (const one of failed.slice(0, MOST_LINES)) console.log(describeAttempt(one));
  if (failed.length > MOST_LINES) console.log(`… and ${failed.length - MOST_LINES} more`);
  console.log(`\n${html}\n${json}`);
  if (failed.length > 0) process.exitCode = 1;
}

async function testSuite({ kinds }: Options): Promise<void> {
  log("starting a PostgreSQL of its own and migrating");
  await using arena = await openScratchArena();
  let decided = 0;
  const fates = await runMutants({
    arena,
    only: ({ kind }) => kinds.length === 0 || kinds.some((one) => one === kind),
    report({ fate }) {
      decided += 1;
      if (fate === "survived" || decided % 100 === 0) log(`${decided} faults, the last: ${fate}`);
    },
  });
  const summary = summarize(fates);
  console.log(describeSummary(summary));
  if (summary.survivors.some(({ reason }) => reason === undefined)) process.exitCode = 1;
}

/** A database that can't be reached is no fault of ours. */
async function explained<T>({ migrator }: AttackTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = describeConnectionError(error, migrator);
    throw reason === undefined ? error : new TargetError(reason, { cause: error });
  }
}

function withoutPassword(databaseUrl: string): string {
  const { hostname, port, pathname } = new URL(databaseUrl);
  return `${hostname}${port === "" ? "" : `:${port}`}${pathname}`;
}

function log(line: string): void {
  const seconds = performance.now() / 1000;
  process.stderr.write(`${seconds.toFixed(1).padStart(6)} s  ${line}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else if (options.mutants) await testSuite(options);
  else await attack(options);
} catch (error) {
  process.exitCode = 2;
  if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`);
  else if ([ConfigError, OperatorError, TargetError].some((known) => error instanceof known)) {
    console.error(messageOf(error));
  } else console.error(error);
}
