/**
 * Who guards the guards: faults are built into the schema, and the audit or the attack must notice.
 * Here a sample, always the same; `npm run attack -- --mutants` builds all of them.
 */
import { inject } from "vitest";

import { CODE_SURVIVORS } from "../../attack/mutants/code_survivors.ts";
import { nameOf, type Mutant } from "../../attack/mutants/mutant.ts";
import { makeUp, runMutants } from "../../attack/mutants/run.ts";
import { describeSummary, sampleOf, summarize } from "../../attack/mutants/summary.ts";
import { reasonFor, SURVIVORS, unexplained } from "../../attack/mutants/survivors.ts";
import { expect, test } from "../support/index.ts";
import { rowsOf } from "../support/query.ts";

/** Where the audit sees nothing wrong: only who attacks learns what a function no longer asks. */
const FOR_THE_ATTACK: readonly RegExp[] = [
  /^code app_private\.enter\(.*and memberships\.user_id = v_user_id/,
  /^code app_private\.enter\(.*v_can_write and v_access = 'full'/,
  /^code app_public\.memberships_user\(.*member_tenant_id/,
  /^code app_private\.api_key_to_change\(.*where api_keys\.tenant_id/,
];

test("a sample of faults is noticed, and so are those that only an attack can find", async () => {
  const sampled = sampleOf(0.01, "rowhouse");
  const only = (mutant: Mutant) =>
    FOR_THE_ATTACK.some((pattern) => pattern.test(nameOf(mutant))) ||
    (sampled(mutant) && mutant.kind !== "code" && reasonFor(mutant) === undefined);
  const fates = await runMutants({ arena: inject("server"), only });
  expect(unexplained(fates)).toEqual([]);
  const { byAudit, byAttack, ...rest } = summarize(fates);
  expect(byAudit, describeSummary({ byAudit, byAttack, ...rest })).toBeGreaterThan(10);
  expect(byAttack).toBeGreaterThanOrEqual(FOR_THE_ATTACK.length);
}, 60_000);

test("there is a fault for each policy, table, key of a tenant, definer, view and trigger", async ({
  db,
}) => {
  const mutants = await makeUp(db);
  expect(new Set(mutants.map(nameOf)).size).toBe(mutants.length);
  const text = mutants.map(({ sql, object }) => `${object} ${sql}`).join("\n");
  const things = await rowsOf<{ kind: string; name: string }>(
    db,
    `select 'policy' as kind, format('%I on %s', polname, polrelid::regclass) as name
    from pg_policy join pg_class on pg_class.oid = polrelid
    where relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
    union all
    select 'table', oid::regclass::text from pg_class
    where relkind in ('r', 'p', 'v')
    and relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
    union all
    select 'key', quote_ident(conname) from pg_constraint
    where contype = 'f' and connamespace::regnamespace::text in ('app_public', 'app_private')
    and exists (
      select from pg_attribute
      where attrelid = conrelid and attname = 'tenant_id' and attnum = any (conkey)
    )
    union all
    select 'function', oid::regprocedure::text from pg_proc
    where prosecdef and pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
    union all
    select 'trigger', format('%I on %s', tgname, tgrelid::regclass) from pg_trigger
    where not tgisinternal and tgname like '\\_%'`,
  );
  expect(things.length).toBeGreaterThan(100);
  expect(things.filter(({ name }) => !text.includes(name))).toEqual([]);
});

test("every survivor on the list is a fault that can be built, and has a reason", async ({
  db,
}) => {
  const names = (await makeUp(db)).map(nameOf);
  for (const { mutant, reason } of SURVIVORS) {
    expect(
      names.some((name) => mutant.test(name)),
      String(mutant),
    ).toBe(true);
    expect(reason.length).toBeGreaterThan(20);
  }
  const listed = CODE_SURVIVORS.flatMap(({ mutants }) => mutants);
  expect(listed.filter((name) => !names.includes(name))).toEqual([]);
});
