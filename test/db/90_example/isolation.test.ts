import type pg from "pg";

import { asUser, createCast, expect, test, type Cast } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

type Houses = Cast & { ours: string; theirs: string };

/** A project and a task on either side of the wall. */
async function furnish(db: pg.Client): Promise<Houses> {
  const cast = await createCast(db);
  const make = (userId: string, tenantId: string, name: string) =>
    asUser(db, { userId, tenantId }, async () => {
      const { id } = await rowOf<{ id: string }>(
        db,
        "insert into app_public.projects (name) values ($1) returning id",
        [name],
      );
      await db.query("insert into app_public.tasks (project_id, title) values ($1, $2)", [
        id,
        `task of ${name}`,
      ]);
      return id;
    });
  return {
    ...cast,
    ours: await make(cast.alice, cast.acme, "ours"),
    theirs: await make(cast.mallory, cast.globex, "theirs"),
  };
}

/** What is on the other side, whoever looks. */
function neighbour(db: pg.Client, { globex }: Houses): Promise<unknown> {
  return rowsOf(
    db,
    `select projects.*, tasks.id as task_id, title, is_done from app_public.projects
    join app_public.tasks on tasks.project_id = projects.id where projects.tenant_id = $1`,
    [globex],
  );
}

test("each sees their own rows and no others, by whatever way", async ({ db }) => {
  const houses = await furnish(db);
  const { alice, acme, theirs } = houses;
  await asUser(db, { userId: alice, tenantId: acme }, async () => {
    expect(await rowsOf(db, "select name from app_public.projects")).toEqual([{ name: "ours" }]);
    expect(await rowsOf(db, "select title from app_public.tasks")).toEqual([
      { title: "task of ours" },
    ]);
    for (const sql of [
      "select from app_public.projects where id = $1",
      "select from app_public.projects where id = $1 for update",
      "select from app_public.tasks where project_id = $1",
      "update app_public.projects set name = 'mine' where id = $1 returning id",
      "update app_public.tasks set is_done = true where project_id = $1 returning id",
      "delete from app_public.tasks where project_id = $1 returning id",
      "delete from app_public.projects where id = $1 returning id",
      `merge into app_public.projects using (values ($1::uuid)) as given (id) on projects.id = given.id
        when matched then delete`,
      `merge into app_public.projects using (values ($1::uuid)) as given (id) on projects.id = given.id
        when matched then update set name = 'mine'`,
    ]) {
      const { rowCount } = await db.query(sql, [theirs]);
      expect(rowCount, sql).toBe(0);
    }
  });
});

test("writing without a condition touches one's own rows only", async ({ db }) => {
  const houses = await furnish(db);
  const before = await neighbour(db, houses);
  await asUser(db, { userId: houses.alice, tenantId: houses.acme }, async () => {
    for (const sql of [
      "update app_public.tasks set title = 'x'",
      "update app_public.projects set name = 'x'",
      "delete from app_public.tasks",
      "delete from app_public.projects",
    ]) {
      expect((await db.query(sql)).rowCount, sql).toBe(1);
    }
  });
  expect(await neighbour(db, houses)).toEqual(before);
});

test("a name that the neighbour has is free, also in an upsert", async ({ db }) => {
  const houses = await furnish(db);
  const before = await neighbour(db, houses);
  const row = await asUser(db, { userId: houses.alice, tenantId: houses.acme }, () =>
    rowOf(
      db,
      `insert into app_public.projects (name) values ('theirs')
      on conflict (tenant_id, name) do update set status = 'closed'
      returning tenant_id, status`,
    ),
  );
  expect(row).toEqual({ tenant_id: houses.acme, status: "open" });
  expect(await neighbour(db, houses)).toEqual(before);
});

test.for([
  "insert into app_public.projects (tenant_id, name) values (gen_random_uuid(), 'x')",
  "insert into app_public.tasks (tenant_id, project_id, title) values (gen_random_uuid(), gen_random_uuid(), 'x')",
  "insert into app_public.projects (id, name) values (gen_random_uuid(), 'x')",
  "update app_public.projects set tenant_id = gen_random_uuid()",
  "update app_public.tasks set tenant_id = tenant_id",
  "update app_public.projects set created_at = now()",
  "truncate app_public.tasks",
])("no tenant, id or time is one's own to say: %s", async (sql, { db }) => {
  const { alice, acme } = await furnish(db);
  const write = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
  expect(await codeOf(write)).toBe("42501");
});

test("a task can't be put into the neighbour's project, by a member or by a superuser", async ({
  db,
}) => {
  const { alice, acme, theirs } = await furnish(db);
  const violation = { code: "23503", constraint: "tasks_project_fkey" };
  const inserted = asUser(db, { userId: alice, tenantId: acme }, () =>
    db.query("insert into app_public.tasks (project_id, title) values ($1, 'x')", [theirs]),
  );
  await expect(inserted).rejects.toMatchObject(violation);
  const moved = asUser(db, { userId: alice, tenantId: acme }, () =>
    db.query("update app_public.tasks set project_id = $1", [theirs]),
  );
  await expect(moved).rejects.toMatchObject(violation);
  const forced = db.query(
    "insert into app_public.tasks (tenant_id, project_id, title) values ($1, $2, 'x')",
    [acme, theirs],
  );
  await expect(forced).rejects.toMatchObject(violation);
});

test.for([
  { access: "read_only", read: "done", write: "TNRDO" },
  { access: "none", read: "TNSUS", write: "TNSUS" },
])("with access $access", async ({ access, read, write }, { db }) => {
  const { alice, acme } = await furnish(db);
  await db.query("update app_public.tenants set access = $1", [access]);
  const does = (sql: string) =>
    codeOf(asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql)));
  expect(await does("select * from app_public.projects")).toBe(read);
  for (const sql of [
    "insert into app_public.projects (name) values ('x')",
    "update app_public.projects set name = 'x'",
    "delete from app_public.tasks",
  ]) {
    expect(await does(sql), sql).toBe(write);
  }
});
