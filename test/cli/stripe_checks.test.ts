/** npm run stripe:checks, as a process, beside a worker. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, withClient } from "../support/index.ts";
import { test } from "../support/system.ts";
import type { TestDatabase } from "../support/server.ts";

const CLI = fileURLToPath(new URL("../../cli/stripe_checks.ts", import.meta.url));

function run(
  { urls }: TestDatabase,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [CLI, ...args],
      { env: { MIGRATION_DATABASE_URL: urls.migrator } },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}

test("a poll and a comparison are booked, waited for and listed", async ({ database, system }) => {
  await system.stripe.customers.create({ name: "Somebody else's" });
  const poll = await run(database, "poll", "--wait", "60");
  expect(poll).toMatchObject({ code: 0, out: expect.stringMatching(/\d+ listed, \d+ missed/) });
  const reconcile = await run(database, "reconcile", "--wait", "60");
  expect(reconcile).toMatchObject({
    code: 0,
    out: expect.stringMatching(/0 drifted, .*1 customers/),
  });
  const [table, json] = await Promise.all([run(database, "list"), run(database, "list", "--json")]);
  expect(table.out).toMatch(/^reconcile .*\n^poll /m);
  expect(JSON.parse(json.out)).toHaveLength(2);
});

test("it says when it has not ended, what it can do, and what was wrong with the asking", async ({
  database,
}) => {
  // Nobody takes the job: its queue is held.
  await withClient(database.urls.superuser, (client) =>
    client.query(
      `insert into graphile_worker._private_job_queues (queue_name, locked_at, locked_by)
      values ('stripe_poll_events', now(), 'somebody')
      on conflict (queue_name) do update set locked_at = now(), locked_by = 'somebody'`,
    ),
  );
  const [late, help, unknown, more, odd] = await Promise.all([
    run(database, "poll", "--wait", "0"),
    run(database, "--help"),
    run(database, "everything"),
    run(database, "list", "poll"),
    run(database, "poll", "--wait", "soon"),
  ]);
  expect(late).toMatchObject({ code: 1, out: expect.stringContaining("Does a worker run?") });
  expect(help).toMatchObject({ code: 0, out: expect.stringContaining("Usage:") });
  expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("Say list, poll") });
  expect(more).toMatchObject({ code: 2, err: expect.stringContaining("one thing at a time") });
  expect(odd).toMatchObject({ code: 2, err: expect.stringContaining("--wait") });
});
