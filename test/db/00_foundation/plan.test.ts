/** What the planner makes of a policy: one index condition, nothing looked up, nothing per row. */
import type pg from "pg";

import { asUser, createCast, expect, test, withClient } from "../../support/index.ts";
import { codeOf, rowOf } from "../../support/query.ts";

type Plan = { [key: string]: unknown; Plans?: Plan[] };

const compared = (setting: string, scope: string) =>
  `(tenant_id = COALESCE((NULLIF(current_setting('${setting}'::text, (ROW(1, 2) < ROW(2, 1))), ''::text))::uuid, ` +
  `(app_private.refuse_tenant('${scope}'::text)).tenant_id))`;
const READABLE = compared("app.current_tenant_id", "read");
const WRITABLE = compared("app.writable_tenant_id", "write");
const ID = "00000000-0000-7000-8000-000000000000";

/** The nodes of a statement's plan, where the planner may not read the whole table. */
async function planOf(client: pg.Client, sql: string): Promise<Plan[]> {
  await client.query("set local enable_seqscan = off; set local enable_bitmapscan = off");
  const row = await rowOf<{ "QUERY PLAN": { Plan: Plan }[] }>(
    client,
    `explain (format json) ${sql}`,
  );
  return row["QUERY PLAN"].flatMap(({ Plan: root }) => nodesOf(root));
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

test.for([
  { sql: "select * from app_public.projects", condition: READABLE },
  { sql: "delete from app_public.projects", condition: WRITABLE },
  { sql: "update app_public.projects set name = 'x'", condition: WRITABLE },
  {
    sql: `select * from app_public.projects where id = '${ID}'`,
    condition: `(${READABLE} AND (id = '${ID}'::uuid))`,
  },
])("$sql is one index condition", async ({ sql, condition }, { db }) => {
  const { alice, acme } = await createCast(db);
  const nodes = await asUser(db, { userId: alice, tenantId: acme }, () => planOf(db, sql));
  const scans = nodes.filter((node) => node["Node Type"] !== "ModifyTable");
  expect(scans).toMatchObject([{ "Node Type": "Index Scan", "Index Cond": condition }]);
  expect(Object.keys(scans[0] ?? {})).not.toContain("Filter");
});

test.for(["update app_public.projects set name = 'x'", "delete from app_public.projects"])(
  "%s of one row by id is one index condition, and the row must be readable too",
  async (statement, { db }) => {
    const { alice, acme } = await createCast(db);
    const nodes = await asUser(db, { userId: alice, tenantId: acme }, () =>
      planOf(db, `${statement} where id = '${ID}'`),
    );
    expect(nodes.slice(1)).toMatchObject([
      {
        "Node Type": "Index Scan",
        "Index Name": "projects_pkey",
        "Index Cond": `(${WRITABLE} AND (id = '${ID}'::uuid))`,
        Filter: READABLE,
      },
    ]);
  },
);

test("no plan is made for one tenant, so none that is kept spoils another's", async ({ db }) => {
  const { alice, mallory, acme, globex } = await createCast(db);
  await db.query("alter table app_public.projects disable trigger user");
  await db.query(
    `insert into app_public.projects (tenant_id, name)
    select case n when 1 then $1::uuid else $2::uuid end, 'Project ' || n
    from generate_series(1, 1000) n`,
    [acme, globex],
  );
  await db.query("analyze app_public.projects");
  // The planner does know the difference, when it is told the tenant.
  const told = await planOf(db, `select from app_public.projects where tenant_id = '${acme}'`);
  expect(told[0]?.["Plan Rows"]).toBe(1);
  for (const [userId, tenantId] of [
    [alice, acme],
    [mallory, globex],
  ] as const) {
    const [scan] = await asUser(db, { userId, tenantId }, () =>
      planOf(db, "select from app_public.projects"),
    );
    expect(scan?.["Plan Rows"]).toBe(500);
  }
});

test("with no tenant set every statement is refused, by itself and in an empty table", async ({
  database,
}) => {
  for (const sql of [
    "select * from app_public.projects",
    "select count(*) from app_public.tasks",
    "update app_public.projects set name = 'x'",
    "delete from app_public.tasks",
    "insert into app_public.projects (name) values ('A')",
  ]) {
    const refused = withClient(database.urls.superuser, async (client) => {
      await client.query("begin; set local role app_user");
      await client.query(sql);
    });
    expect(await codeOf(refused), sql).toBe("TNREQ");
  }
});

test("a table of tenants can be read by parallel workers, each walled off alike", async ({
  db,
}) => {
  const { alice, mallory, acme, globex } = await createCast(db);
  for (const [userId, tenantId] of [
    [alice, acme],
    [mallory, globex],
  ] as const) {
    await asUser(db, { userId, tenantId }, () =>
      db.query("insert into app_public.projects (name) values ('A'), ('B')"),
    );
  }
  await db.query("set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0");
  await db.query("set local min_parallel_table_scan_size = 0; set local enable_indexscan = off");
  await db.query("set local enable_bitmapscan = off; set local enable_indexonlyscan = off");
  await asUser(db, { userId: alice, tenantId: acme }, async () => {
    const sql = "select tenant_id, name from app_public.projects";
    const { "QUERY PLAN": plan } = await rowOf<{ "QUERY PLAN": { Plan: Plan }[] }>(
      db,
      `explain (format json, analyze) ${sql}`,
    );
    expect(plan[0]?.Plan).toMatchObject({ "Node Type": "Gather", "Actual Rows": 2 });
  });
});

test("the functions of policies are marked so that they can be inlined and run in parallel", async ({
  db,
}) => {
  const { rows } = await db.query(`
    select distinct provolatile, proparallel, prosecdef, proconfig
    from pg_proc
    where oid::regprocedure::text in (
      'app_private.current_user_id()', 'app_private.member_tenant_id()',
      'app_private.current_tenant_id()', 'app_private.writable_tenant_id()',
      'app_private.has_permission(text)'
    )
  `);
  expect(rows).toEqual([{ provolatile: "s", proparallel: "s", prosecdef: false, proconfig: null }]);
});
