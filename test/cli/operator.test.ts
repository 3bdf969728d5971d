/** The commands of an operator, as processes, on a database that has something to look at. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { describe, expect, test as base, withClient, type TestDatabase } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";

type Run = { code: number; out: string; err: string };
type Command = (name: string, ...args: string[]) => Promise<Run>;

const test = base.extend<{ $file: { run: Command } }>({
  run: [
    async ({ database }, use) => {
      await use((name, ...args) => command(database, name, args));
    },
    { scope: "file" },
  ],
});

function command({ urls }: TestDatabase, name: string, args: string[]): Promise<Run> {
  const file = fileURLToPath(new URL(`../../cli/${name}.ts`, import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...args],
      { env: { MIGRATION_DATABASE_URL: urls.migrator } },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}

/** A mail that failed for good, whose link and whose error are secret. */
function failedMail({ urls }: TestDatabase): Promise<string> {
  return withClient(urls.superuser, async (client) => {
    const { id } = await rowOf<{ id: string }>(
      client,
      `select id from graphile_worker.add_job(
        'send_identity_mail',
        '{"kind": "reset_password", "user_id": "u1", "url": "https://x/?token=s3cret"}'
      )`,
    );
    await client.query(
      `update graphile_worker._private_jobs set attempts = 25,
      last_error = 'No answer from smtp://me:s3cret@mail for bob@example.com, key sk_test_s3cret'
      where id = $1`,
      [id],
    );
    await client.query("select app_private.alarm_of_failed_jobs()");
    return id;
  });
}

describe("npm run jobs", () => {
  test("lists what failed and shows it without its secrets, retries it, dismisses it", async ({
    database,
    run,
  }) => {
    const id = await failedMail(database);
    const [list, json, shown] = await Promise.all([
      run("jobs", "list", "--state", "failed"),
      run("jobs", "list", "--json"),
      run("jobs", "show", id, "--json"),
    ]);
    expect(list).toMatchObject({ code: 0, err: "" });
    expect(list.out).toMatch(new RegExp(`^${id} +failed +send_identity_mail +25/25 +never `, "m"));
    expect(JSON.parse(json.out)).toMatchObject([{ id, state: "failed" }]);
    expect(JSON.parse(shown.out)).toMatchObject({
      payload: { kind: "reset_password", user_id: "u1", url: "(hidden)" },
      last_error: "No answer from (hidden) for (hidden) key (hidden)",
    });
    expect(list.out + json.out + shown.out).not.toMatch(/s3cret|bob@/);

    expect(await run("jobs", "retry", "--failed")).toMatchObject({
      code: 0,
      out: `1/1  job ${id}: retried\n`,
    });
    await withClient(database.urls.superuser, async (client) => {
      expect(
        await rowsOf(client, "select attempts, is_available from graphile_worker._private_jobs"),
      ).toEqual([{ attempts: 0, is_available: true }]);
      await client.query(
        "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'pool-a'",
      );
      // What is under way is nobody's to take away.
      expect(await run("jobs", "dismiss", id)).toMatchObject({
        code: 1,
        out: `1/1  job ${id}: running\n`,
      });
      await client.query(
        "update graphile_worker._private_jobs set locked_at = null, locked_by = null",
      );
    });
    expect(await run("jobs", "dismiss", id)).toMatchObject({ code: 0 });
    expect(await run("jobs", "list")).toMatchObject({ code: 0, out: "There is no such job.\n" });
  });

  test("says how it is used, and what it does not understand", async ({ run }) => {
    const [help, nothing, odd, state, gone] = await Promise.all([
      run("jobs", "--help"),
      run("jobs"),
      run("jobs", "retry", "x1"),
      run("jobs", "list", "--state", "lost"),
      run("jobs", "show", "404"),
    ]);
    for (const name of ["jobs", "alarms", "events"]) {
      expect(await run(name, "list", "failed")).toMatchObject({
        code: 2,
        err: expect.stringContaining('takes options only, not "failed"'),
      });
    }
    expect(help).toMatchObject({ code: 0, out: expect.stringContaining("Usage: npm run jobs") });
    expect(nothing).toMatchObject({ code: 2, err: expect.stringContaining("Say list, show") });
    expect(odd).toMatchObject({ code: 2, err: expect.stringContaining('"x1" is no job') });
    expect(state).toMatchObject({ code: 2, err: expect.stringContaining("failed, stuck") });
    expect(gone).toMatchObject({ code: 2, err: expect.stringContaining("no job 404") });
  });
});

describe("npm run alarms, npm run stripe:resume", () => {
  test("lists the open alarms, resolves one once, resumes what is paused", async ({
    database,
    run,
  }) => {
    await withClient(database.urls.superuser, async (client) => {
      await client.query("update app_private.alarms set resolved_at = now()");
      await client.query("select app_private.raise_alarm('trouble', 'sub_1', 'Look at this')");
      await client.query("select app_private.pause_stripe(401, 'GET', '/v1/prices', 'x')");
    });
    const { out } = await run("alarms", "list", "--json");
    const alarms = JSON.parse(out) as { id: string; kind: string }[];
    expect(alarms.map(({ kind }) => kind).toSorted()).toEqual(["stripe_paused", "trouble"]);
    const id = alarms.find(({ kind }) => kind === "trouble")?.id ?? "";
    expect(await run("alarms", "resolve", id)).toMatchObject({
      code: 0,
      out: `alarm ${id}: resolved\n`,
    });
    expect(await run("alarms", "resolve", id)).toMatchObject({
      code: 1,
      out: `alarm ${id}: resolved before\n`,
    });

    for (const odd of ["--dry-run", "status"]) {
      expect(await run("stripe_resume", odd)).toMatchObject({
        code: 2,
        out: "",
        err: expect.stringMatching(new RegExp(`'${odd}'[^]*Usage: npm run stripe:resume`)),
      });
    }
    expect((await run("stripe_resume")).out).toBe("Stripe work goes on.\n");
    expect((await run("stripe_resume")).out).toBe("Stripe work was not paused.\n");
    expect((await run("alarms", "list")).out).toBe("There is no alarm.\n");
  });
});
