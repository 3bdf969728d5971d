import type pg from "pg";

import { audit } from "../../cli/audit.ts";
import { readRules, runAudit } from "../../server/isolation_audit.ts";
import { expect, test } from "../support/index.ts";
import { rowsOf, undone } from "../support/query.ts";
import { ACCESS_CASES } from "./audit_cases_access.ts";
import { TABLE_CASES } from "./audit_cases_tables.ts";

const CASES = { ...ACCESS_CASES, ...TABLE_CASES };

type Found = { severity: string; object: string; problem: string; remedy: string };

const RULES = new Map((await readRules()).map(({ rule, sql }) => [rule, sql]));

/** What a rule finds once `change` was run, which is then taken back. */
async function found(db: pg.Client, rule: string, change: string): Promise<Found[]> {
  return undone(db, async () => {
    await db.query(change);
    return rowsOf<Found>(db, RULES.get(rule) ?? "no such rule");
  });
}

test("the migrated database has no finding at all, error or warning", async ({ database }) => {
  expect(await audit({ databaseUrl: database.urls.migrator })).toEqual([]);
});

test("the server's login, which refuses to start on errors, sees what the migrator sees", async ({
  database,
}) => {
  expect(await audit({ databaseUrl: database.urls.server })).toEqual([]);
});

test("every rule has cases, and every case a rule", () => {
  expect([...RULES.keys()].toSorted()).toEqual(Object.keys(CASES).toSorted());
  for (const { bad, good } of Object.values(CASES)) {
    expect(bad.length).toBeGreaterThan(0);
    expect(good.length).toBeGreaterThan(0);
  }
});

for (const [rule, { bad, good }] of Object.entries(CASES)) {
  test(`${rule} catches each of its ${bad.length} bad cases, by name and with a remedy`, async ({
    db,
  }) => {
    for (const { sql, object } of bad) {
      const findings = await found(db, rule, sql);
      expect(
        findings.map((finding) => finding.object),
        sql,
      ).toContain(object);
      for (const { severity, problem, remedy } of findings) {
        expect(severity).toBe(rule === "names_and_comments" ? "warning" : "error");
        expect(problem, sql).toMatch(/\w{3}/);
        expect(remedy, sql).toMatch(/\w{3}/);
      }
    }
  });

  test(`${rule} lets its ${good.length} good cases pass`, async ({ db }) => {
    for (const sql of good) expect(await found(db, rule, sql), sql).toEqual([]);
  });
}

test("what was reviewed is still there: no exception outlives its object", async ({ db }) => {
  const listed = [...RULES.values()].flatMap((sql) =>
    [...sql.matchAll(/'((?:app_public|app_private)\.[^']+)'(?:, |$)/gm)].map(
      ([, name = ""]) => name,
    ),
  );
  expect(listed.length).toBeGreaterThan(20);
  const gone = await rowsOf(
    db,
    `select name from unnest($1::text[]) as listed (name)
    where case when name like '%)'
      then to_regprocedure(name) is null else to_regclass(name) is null
    end`,
    [listed],
  );
  expect(gone).toEqual([]);
});

test("the audit of 500 more tables is as many statements as of none", async ({ db }) => {
  const statements = async () => {
    let count = 0;
    const query = async (sql: string) => {
      count += 1;
      return db.query(sql);
    };
    const findings = await runAudit({ query } as unknown as pg.Client);
    return { count, findings: findings.length };
  };
  const before = await statements();
  await db.query(`do $$ begin
    for n in 1..500 loop
      execute format('create table app_private.generated_%s (tenant_id uuid not null)', n);
    end loop;
  end $$`);
  const after = await statements();
  expect(after.count).toBe(before.count);
  // Each table is without row-level security and belongs to nobody it should.
  expect(after.findings).toBe(before.findings + 1000);
});
