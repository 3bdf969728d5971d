import type pg from "pg";

import { asAnonymous, asWorker } from "../../support/acting.ts";
import { expect, test } from "../../support/index.ts";
import { rowsOf } from "../../support/query.ts";

function raise(db: pg.Client, subject: string, message = "Something is wrong") {
  return db.query("select app_private.raise_alarm('trouble', $1, $2)", [subject, message]);
}

function alarms(db: pg.Client) {
  return rowsOf<{ subject: string; message: string; times: number; is_open: boolean }>(
    db,
    `select subject, message, times, resolved_at is null as is_open
    from app_private.alarms where kind = 'trouble' order by subject, raised_at, id`,
  );
}

test("an alarm raised again counts up, and tells the newest of it", async ({ db }) => {
  await asWorker(db, async () => {
    await raise(db, "sub_1");
    await raise(db, "sub_1", "Still wrong");
    await raise(db, "sub_2");
    expect(await alarms(db)).toEqual([
      { subject: "sub_1", message: "Still wrong", times: 2, is_open: true },
      { subject: "sub_2", message: "Something is wrong", times: 1, is_open: true },
    ]);
  });
});

test("a resolved alarm stays on record, and the next is another", async ({ db }) => {
  await asWorker(db, async () => {
    await raise(db, "sub_1");
    await db.query("select app_private.resolve_alarm('trouble', 'sub_1')");
    await raise(db, "sub_1");
    expect((await alarms(db)).map(({ is_open }) => is_open)).toEqual([false, true]);
  });
});

test("nobody but tasks and definers reads alarms", async ({ db }) => {
  await expect(asAnonymous(db, () => alarms(db))).rejects.toMatchObject({ code: "42501" });
});

test("nobody but tasks and definers raises any", async ({ db }) => {
  await expect(asAnonymous(db, () => raise(db, "sub_1"))).rejects.toMatchObject({ code: "42501" });
});
