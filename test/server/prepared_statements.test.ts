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

const NAMES = { name: "names", text: "select name from app_public.projects" };

test("a kept plan whose table has changed is made anew, on another connection from then on", async ({
  pool,
  cast,
  database,
}) => {
  const changeTo = (type: string) =>
    withClient(database.urls.superuser, (client) =>
      client.query(`alter table app_public.projects alter column name type ${type}`),
    );
  const inAcme = request(pool, cast.alice, cast.acme);
  await inAcme((client) => client.query(NAMES));
  const { pid } = await stateOf(pool);
  await changeTo("varchar");
  expect((await inAcme((client) => client.query(NAMES))).rows).toEqual([]);
  expect((await stateOf(pool)).pid).not.toBe(pid);
  await changeTo("text");
});

test("a connection that has lost its statements is the last to be asked in vain", async ({
  pool,
  cast,
}) => {
  const inAcme = request(pool, cast.alice, cast.acme);
  await inAcme((client) => client.query(NAMES));
  const { pid } = await stateOf(pool);
  await pool.query("deallocate all");
  await expect(inAcme((client) => client.query(NAMES))).rejects.toMatchObject({ code: "26000" });
  expect((await inAcme((client) => client.query(NAMES))).rows).toEqual([]);
  expect((await stateOf(pool)).pid).not.toBe(pid);
});
