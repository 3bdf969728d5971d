/** npm run audit as a program: what it prints, and with what it exits. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { readRules } from "../../server/audit_rules.ts";
import { readPlaces } from "../../cli/object_places.ts";
import { expect, test, withClient } from "../support/index.ts";

const AUDIT = fileURLToPath(new URL("../../cli/audit.ts", import.meta.url));

async function run(databaseUrl: string, ...args: string[]) {
  const child = spawn(process.execPath, [AUDIT, ...args], {
    env: { MIGRATION_DATABASE_URL: databaseUrl },
  });
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await exit, out, err };
}

type Sarif = {
  version: string;
  runs: {
    tool: { driver: { name: string; rules: Record<string, { text: string } | string>[] } };
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      message: { text: string };
      locations: {
        physicalLocation: {
          artifactLocation: { uri: string };
          region: { startLine: number };
        };
      }[];
      partialFingerprints: Record<string, string>;
    }[];
  }[];
};

test("the audit's findings come as text, JSON and SARIF, and errors as exit code 1", async ({
  database,
}) => {
  const { migrator, superuser } = database.urls;
  const clean = await run(migrator);
  expect(clean).toMatchObject({ code: 0, err: "" });
  await withClient(superuser, (client) =>
    client.query(`
      drop policy select_tenant on app_public.projects;
      create policy select_tenant on app_public.projects for select to app_user using (true);
      create table app_private.elsewhere (tenant_id uuid not null)`),
  );

  const [plain, json, sarif] = await Promise.all([
    run(migrator),
    run(migrator, "--json"),
    run(migrator, "--sarif"),
  ]);
  expect(plain.code).toBe(1);
  expect(plain.out).toMatch(
    /^error {2}policy_canonical {2}select_tenant on app_public\.projects\n {2}.*: true\n {2}alter policy/m,
  );
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toContainEqual({
    severity: "error",
    rule: "policy_canonical",
    object: "select_tenant on app_public.projects",
    detail: "select to app_user: true",
    problem: expect.stringContaining("does not compare the tenant"),
    remedy:
      "alter policy select_tenant on app_public.projects using (tenant_id = app_private.current_tenant_id());",
  });

  expect(sarif.code).toBe(1);
  const log = JSON.parse(sarif.out) as Sarif;
  expect(log.version).toBe("2.1.0");
  expect(log.runs).toHaveLength(1);
  for (const { tool, results } of log.runs) {
    const ids = (await readRules("isolation")).map(({ id }) => id);
    expect(tool.driver.rules.map(({ id }) => id)).toEqual(ids);
    for (const rule of tool.driver.rules) {
      for (const part of ["shortDescription", "fullDescription", "help"]) {
        expect(rule[part]).toEqual({ text: expect.stringMatching(/\w{3}/) });
      }
    }
    for (const { ruleId, ruleIndex, level, message, locations, partialFingerprints } of results) {
      expect(ids[ruleIndex]).toBe(ruleId);
      expect(["error", "warning"]).toContain(level);
      expect(message.text).toMatch(/\w{3}/);
      expect(locations).toHaveLength(1);
      expect(Object.values(partialFingerprints)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    }
    const fingerprints = results.map((result) => JSON.stringify(result.partialFingerprints));
    expect(new Set(fingerprints).size).toBe(results.length);
    const placed = results.map(({ ruleId, locations: [location] }) => ({
      ruleId,
      uri: location?.physicalLocation.artifactLocation.uri,
    }));
    expect(placed).toContainEqual({
      ruleId: "policy_canonical",
      uri: "db/90_example/policies.sql",
    });
    expect(placed).toContainEqual({ ruleId: "rls_forced", uri: "db/audit/rls_forced.sql" });
  }
});

test("it says how it is used, and what it does not understand", async ({ database }) => {
  const { migrator } = database.urls;
  const [help, unknown, other, citus, nowhere] = await Promise.all([
    run(migrator, "--help"),
    run(migrator, "--jsn"),
    run(migrator, "--for", "mysql"),
    run(migrator, "--for", "citus", "--json"),
    run("postgres://nobody@127.0.0.1:1/none"),
  ]);
  expect(help).toMatchObject({ code: 0, out: expect.stringContaining("--for citus") });
  expect(unknown).toMatchObject({ code: 2, err: expect.stringMatching(/--jsn[\s\S]*Usage/) });
  expect(other).toMatchObject({ code: 2, err: expect.stringMatching(/mysql[\s\S]*Usage/) });
  expect(citus.code).toBe(0);
  expect(JSON.parse(citus.out)).toEqual([]);
  expect(nowhere).toMatchObject({ code: 2, err: expect.stringContaining("No PostgreSQL answers") });
});

test("an object is found where db/ makes it, whatever it is", async () => {
  const placeOf = await readPlaces();
  const files = {
    "app_public.projects": "db/90_example/tables.sql",
    "select_tenant on app_public.tasks": "db/90_example/policies.sql",
    "tasks_project_fkey on app_public.tasks": "db/90_example/tables.sql",
    "app_public.projects for app_user": "db/90_example/tables.sql",
    "app_public.my_tenants()": "db/30_tenancy/functions.sql",
    "app_public.projects_created_idx": "db/90_example/tables.sql",
    "app_public.projects_name_key": "db/90_example/tables.sql",
    "app_private.stripe_sync_seq": "db/50_billing/tables.sql",
    "schema app_public": "db/00_foundation/schemas.sql",
    "app_public.entitlements": "db/40_usage/functions.sql",
  };
  for (const [object, file] of Object.entries(files)) {
    expect(placeOf(object), object).toMatchObject({ file });
  }
  expect(placeOf("app_public.nothing")).toBeUndefined();
  expect(placeOf("rowhouse_server")).toBeUndefined();
});
