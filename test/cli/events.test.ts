/** npm run events as a process, on an inbox that has something to look at. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { main } from "../../cli/events.ts";
import { sinceFrom } from "../../cli/events_filters.ts";
import { ConfigError } from "../../server/config.ts";
import { expect, test as base, withClient } from "../support/index.ts";
import { receive } from "../support/inbox.ts";
import { rowsOf } from "../support/query.ts";

type Run = { code: number; out: string; err: string };
type Command = (...args: string[]) => Promise<Run>;

const EVENTS = fileURLToPath(new URL("../../cli/events.ts", import.meta.url));

/** `run`: the command, on an inbox with an event that failed, one that is foreign and one ignored. */
const test = base.extend<{ $file: { run: Command } }>({
  run: [
    async ({ database }, use) => {
      await withClient(database.urls.superuser, async (client) => {
        await client.query("begin");
        await receive(client, { id: "evt_failed", payload: '{"hello": "operator"}' });
        await receive(client, { id: "evt_foreign", type: "invoice.voided", customer: "cus_2" });
        await receive(client, { id: "evt_ignored", type: "a.new.one", customer: null });
        await receive(client, { id: "evt_live", livemode: true });
        await client.query(`update app_private.stripe_events set
          status = replace(id, 'evt_', ''), reason = 'No luck',
          received_at = received_at - interval '2 days' where id in ('evt_failed', 'evt_foreign')`);
        await client.query("commit");
      });
      await use(
        (...args) =>
          new Promise((resolve) => {
            const env = { MIGRATION_DATABASE_URL: database.urls.migrator };
            execFile(process.execPath, [EVENTS, ...args], { env }, (error, out, err) =>
              resolve({ code: Number(error?.code ?? 0), out, err }),
            );
          }),
      );
    },
    { scope: "file" },
  ],
});

function ids({ out }: Run): string[] {
  return (JSON.parse(out) as { id: string }[]).map(({ id }) => id);
}

test("events are listed, the newest first, by status, type, customer and age", async ({ run }) => {
  const [all, some, text] = await Promise.all([
    run("list", "--json", "--limit", "3"),
    run("list", "--json", "--type", "invoice.*", "--customer", "cus_1", "--since", "24h"),
    run("list", "--status", "foreign", "--type", "invoice.voided"),
  ]);
  expect(ids(all)).toEqual(["evt_live", "evt_ignored", "evt_foreign"]);
  // Not evt_foreign, of another customer, nor evt_failed, of two days ago, nor evt_ignored's type.
  expect(ids(some)).toEqual(["evt_live"]);
  expect(text.out).toMatch(/^ID +STATUS +TYPE +CUSTOMER +RECEIVED +REASON\n/);
  expect(text.out).toMatch(/\nevt_foreign +foreign +invoice\.voided +cus_2 +\S+Z +No luck\n$/);
});

test("an event is shown with what Stripe sent", async ({ run }) => {
  const [shown, unknown] = await Promise.all([
    run("show", "evt_failed"),
    run("show", "evt_unknown"),
  ]);
  expect(shown.out).toMatch(/status +failed\n/);
  expect(shown.out).toContain('{\n  "hello": "operator"\n}');
  expect(unknown).toMatchObject({ code: 2, out: "" });
  expect(unknown.err).toBe(
    "events: There is no event evt_unknown. It may have been forgotten, or never come.\n",
  );
});

test("events are replayed and dismissed; what can't be is said, and told by the exit code", async ({
  run,
  database,
}) => {
  expect(await run("replay", "--failed")).toEqual({
    code: 0,
    out: "1/1  event evt_failed: waits to be processed again\n",
    err: "",
  });
  const some = await run("replay", "evt_live", "evt_ignored");
  expect(some.code).toBe(1);
  expect(some.out).toContain("1/2  event evt_live: There is no event");
  expect(some.out).toContain("2/2  event evt_ignored: waits to be processed again");
  expect(await run("dismiss", "evt_live", "evt_foreign")).toMatchObject({ code: 1 });
  const kept = await withClient(database.urls.superuser, (client) =>
    rowsOf(client, "select id, status from app_private.stripe_events order by id"),
  );
  expect(kept).toEqual([
    { id: "evt_failed", status: "pending" },
    { id: "evt_foreign", status: "dismissed" },
    { id: "evt_ignored", status: "pending" },
    { id: "evt_live", status: "ignored_mode" },
  ]);
});

test.for([
  { args: [], says: "Say list, show, replay or dismiss." },
  { args: ["list", "--status", "lost"], says: 'No event is ever "lost"' },
  { args: ["list", "--since", "soon"], says: "--since must be like 90m" },
  { args: ["list", "--limit", "0"], says: "--limit must be a number" },
  { args: ["list", "--odd"], says: "Unknown option '--odd'" },
  { args: ["replay"], says: "Name an event." },
  { args: ["replay", "in_1"], says: `"in_1" is no event's id` },
])("events $args is refused, and nothing is asked", async ({ args, says }) => {
  const refused = main(args);
  await expect(refused).rejects.toBeInstanceOf(ConfigError);
  await expect(refused).rejects.toThrow(says);
});

test("--since is a time ago or a date", () => {
  const now = new Date("2026-11-10T12:00:00Z");
  expect(sinceFrom("90m", now)).toEqual(new Date("2026-11-10T10:30:00Z"));
  expect(sinceFrom("7d", now)).toEqual(new Date("2026-11-03T12:00:00Z"));
  expect(sinceFrom("2026-11-01", now)).toEqual(new Date("2026-11-01T00:00:00Z"));
  expect(sinceFrom(undefined, now)).toBeUndefined();
});
