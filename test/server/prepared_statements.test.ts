/** The API's named statements: prepared once for each connection, and never left half known. */
import { request, stateOf, test } from "../support/entering_clients.ts";
import { expect, withClient } from "../support/index.ts";

const COUNT = "select count(*)::integer as count from app_public.projects";

test("keeps the plans of a hundred named statements, those used last", async ({ pool, cast }) => {
  const inAcme = request(pool, cast.alice, cast.acme);
  for (let n = 0; n < 105; n += 1) {
    await inAcme((client) => client.query({ name: `s${n}`, text: `select ${n}` }));
    if (n === 100) await inAcme((client) => client.query({ name: "s1", text: "select 1" }));
  }
  const again = await inAcme((client) => client.query({ name: "s0", text: "select 0" }));
  expect(again.rows).toEqual([{ "?column?": 0 }]);
  const { rows } = await pool.query("select name from pg_prepared_statements order by name");
  const names = rows.map(({ name }) => name);
  const dropped = Array.from({ length: 105 }, (_, n) => `s${n}`).filter(
    (name) => !names.includes(name),
  );
  expect(dropped).toEqual(["s2", "s3", "s4", "s5", "s6"]);
  expect(names).toHaveLength(101);
  expect(names).toContain("rowhouse_enter");
});

test("refused at the door leaves its statement to be prepared by the next", async ({
  pool,
  cast,
}) => {
  const count = { name: "count", text: COUNT };
  await expect(
    request(pool, cast.mallory, cast.acme)((client) => client.query(count)),
  ).rejects.toMatchObject({ code: "TNFND" });
  const { pid } = await stateOf(pool);
  const counted = await request(pool, cast.alice, cast.acme)((client) => client.query(count));
  expect(counted.rows).toEqual([{ count: 0 }]);
  // One that can't be parsed, too.
  const wrong = { name: "wrong", text: "selec" };
  for (let n = 0; n < 2; n += 1) {
    await expect(
      request(pool, cast.alice, cast.acme)((client) => client.query(wrong)),
    ).rejects.toMatchObject({ code: "42601" });
  }
  expect((await stateOf(pool)).pid).toBe(pid);
});

test.for([
  ["whose table has changed", "alter table app_public.projects alter column name type varchar"],
  ["that is gone", "deallocate all"],
] as const)(
  "with a kept plan %s is the last on its connection",
  async ([what, sql], { pool, cast, database }) => {
    const inAcme = request(pool, cast.alice, cast.acme);
    const names = { name: "names", text: "select name from app_public.projects" };
    await inAcme((client) => client.query(names));
    const { pid } = await stateOf(pool);
    if (what === "that is gone") await pool.query(sql);
    else await withClient(database.urls.superuser, (client) => client.query(sql));
    await expect(inAcme((client) => client.query(names))).rejects.toBeInstanceOf(Error);
    expect((await inAcme((client) => client.query(names))).rows).toEqual([]);
    expect((await stateOf(pool)).pid).not.toBe(pid);
    await withClient(database.urls.superuser, (client) =>
      client.query("alter table app_public.projects alter column name type text"),
    );
  },
);
