import type pg from "pg";

import { audit } from "../../cli/audit.ts";
import { auditStatement, readParts, readRules } from "../../server/audit_rules.ts";
import { AUDIT_SETTINGS, runAudit, type Finding } from "../../server/isolation_audit.ts";
import { expect, test, withClient } from "../support/index.ts";
import { rowsOf, undone } from "../support/query.ts";
import type { Case } from "./audit_case.ts";
import { BEYOND_CASES } from "./audit_cases_beyond.ts";
import { BODY_CASES } from "./audit_cases_bodies.ts";
import { CITUS_CASES } from "./audit_cases_citus.ts";
import { FUNCTION_CASES } from "./audit_cases_functions.ts";
import { INDEX_CASES } from "./audit_cases_indexes.ts";
import { KEPT_CASES } from "./audit_cases_kept.ts";
import { POLICY_CASES } from "./audit_cases_policies.ts";
import { RIGHTS_CASES } from "./audit_cases_rights.ts";
import { SERVER_CASES } from "./audit_cases_server.ts";
import { TABLE_CASES } from "./audit_cases_tables.ts";

const CASES = {
  ...POLICY_CASES,
  ...FUNCTION_CASES,
  ...BODY_CASES,
  ...INDEX_CASES,
  ...KEPT_CASES,
  ...RIGHTS_CASES,
  ...SERVER_CASES,
  ...TABLE_CASES,
  ...BEYOND_CASES,
  ...CITUS_CASES,
};
const ALL_RULES = [...(await readRules("isolation")), ...(await readRules("citus"))];
const RULES = new Map(ALL_RULES.map((rule) => [rule.id, rule]));
const PARTS = await readParts();
const WITHOUT_EXCEPTIONS = { ...PARTS, exceptions: "select '', '', '', '' where false" };

/** What the embedded PostgreSQL of development is warned of. */
const isOfServer = ({ rule }: Finding) => rule === "server_version";

/** What a rule finds as the database stands. */
async function findings(
  db: pg.Client,
  id: string,
  { facts = {}, parts = PARTS }: { facts?: Case["facts"]; parts?: typeof PARTS } = {},
): Promise<Finding[]> {
  const rule = RULES.get(id);
  if (rule === undefined) throw new Error(`There is no rule ${id}`);
  let statement = auditStatement([rule], parts);
  for (const [words, standIn] of Object.entries(facts)) {
    expect(statement).toContain(words);
    statement = statement.replaceAll(words, standIn);
  }
  return undone(db, async () => {
    const results: unknown = await db.query([...AUDIT_SETTINGS, statement].join(";\n"));
    return (results as pg.QueryResult<Finding>[]).at(-1)?.rows ?? [];
  });
}

test("the migrated database has no finding at all, error or warning", async ({ database }) => {
  const found = await audit({ databaseUrl: database.urls.migrator });
  expect(found.filter((finding) => !isOfServer(finding))).toEqual([]);
});

test("nothing keeps the schema from being distributed on Citus, but for what was reviewed", async ({
  database,
}) => {
  expect(await audit({ databaseUrl: database.urls.migrator, set: "citus" })).toEqual([]);
});

test("the server's login, which refuses to start on errors, sees what the migrator sees", async ({
  database,
}) => {
  const found = await audit({ databaseUrl: database.urls.server });
  expect(found.filter((finding) => !isOfServer(finding))).toEqual([]);
});

test("a login that has all names printed in quotes sees the same", async ({ database }) => {
  const found = await withClient(database.urls.server, async (client) => {
    await client.query("set quote_all_identifiers = on");
    return await runAudit(client);
  });
  expect(found.filter((finding) => !isOfServer(finding))).toEqual([]);
});

test("every rule has cases, and every case a rule", () => {
  expect([...RULES.keys()].toSorted()).toEqual(Object.keys(CASES).toSorted());
  for (const [id, { bad, good }] of Object.entries(CASES)) {
    expect(bad.length, id).toBeGreaterThan(0);
    expect(good.length, id).toBeGreaterThan(0);
  }
});

test("every rule says why it is there", () => {
  for (const { id, why } of ALL_RULES) expect(why.length, id).toBeGreaterThan(60);
});

for (const [rule, { bad, good }] of Object.entries(CASES)) {
  test(`${rule} catches each of its ${bad.length} bad cases, and its remedies mend them`, async ({
    db,
  }) => {
    const [{ major } = { major: 0 }] = await rowsOf<{ major: number }>(
      db,
      "select current_setting('server_version_num')::integer / 10000 as major",
    );
    const possible = bad.filter(({ since = 0 }) => since <= major);
    for (const { sql, object, facts, severity: wanted } of possible) {
      await undone(db, async () => {
        await db.query(sql);
        const about = async () =>
          (await findings(db, rule, { facts })).filter((finding) => finding.object === object);
        const caught = await about();
        expect(caught.length, sql).toBeGreaterThan(0);
        for (const { severity, problem, remedy } of caught) {
          expect(wanted === undefined ? ["error", "warning"] : [wanted], sql).toContain(severity);
          expect(problem, sql).toMatch(/\w{3}/);
          expect(remedy, sql).toMatch(isSql(remedy) ? /;$/ : /[.;)]$/);
        }
        // What is only pretended can't be mended.
        if (facts === undefined && caught.every(({ remedy }) => isSql(remedy))) {
          for (const { remedy } of caught) await db.query(remedy);
          expect(await about(), `${sql} after ${caught[0]?.remedy}`).toEqual([]);
        }
      });
    }
  });

  test(`${rule} lets its ${good.length} good cases pass`, async ({ db }) => {
    for (const each of good) {
      const { sql, facts } = typeof each === "string" ? { sql: each, facts: {} } : each;
      await undone(db, async () => {
        await db.query(sql);
        expect(await findings(db, rule, { facts }), sql).toEqual([]);
      });
    }
  });
}

/** A remedy is SQL or a sentence, and those begin with a capital; "…" stands for words of yours. */
function isSql(remedy: string): boolean {
  return /^[a-z]/.test(remedy) && !remedy.includes("…");
}

test("each exception excuses a finding that there would be, and says why", async ({ db }) => {
  const exceptions = await rowsOf<Record<"rule" | "object" | "detail" | "reason", string>>(
    db,
    `with exceptions (rule, object, detail, reason) as (${PARTS.exceptions})
    select * from exceptions`,
  );
  expect(exceptions.length).toBeGreaterThan(40);
  const found = new Set<string>();
  for (const { id } of ALL_RULES) {
    for (const { rule, object, detail } of await findings(db, id, { parts: WITHOUT_EXCEPTIONS })) {
      found.add(JSON.stringify([rule, object, detail]));
    }
  }
  const keys = exceptions.map(({ rule, object, detail }) => JSON.stringify([rule, object, detail]));
  expect(keys.filter((key) => !found.has(key))).toEqual([]);
  expect(keys).toEqual([...new Set(keys)]);
  for (const { object, reason } of exceptions) expect(reason, object).toMatch(/^[A-Za-z].{7,}\.$/);
});

test("the audit of 500 more tables is one message, as of none, and misses none of them", async ({
  db,
}) => {
  const counted = async () => {
    let messages = 0;
    const query = async (sql: string) => {
      messages += 1;
      return db.query(sql);
    };
    return { found: await runAudit({ query } as unknown as pg.Client), messages };
  };
  const before = await counted();
  await db.query(`do $$ begin
    for n in 1..500 loop
      execute format('create table app_private.generated_%s (tenant_id uuid not null)', n);
    end loop;
  end $$`);
  const after = await counted();
  expect([before.messages, after.messages]).toEqual([1, 1]);
  // Each is without row-level security, belongs to whom it should not, and leads to no tenant.
  const about = (rule: string) => after.found.filter((finding) => finding.rule === rule).length;
  expect({
    rls_forced: about("rls_forced"),
    owner: about("owner"),
    tenant_reference: about("tenant_reference"),
  }).toEqual({ rls_forced: 500, owner: 500, tenant_reference: 500 });
});
