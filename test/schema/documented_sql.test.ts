/** The SQL that docs/extending.md gives for tables of one's own does what it says, and the audit says what it says. */
import type pg from "pg";

import { runAudit } from "../../server/isolation_audit.ts";
import { repositoryFile } from "../support/contract.ts";
import { asUser, createCast, expect, test } from "../support/index.ts";
import { codeOf, rowsOf } from "../support/query.ts";

/** The first block of SQL of a section. */
async function sqlOf(section: string): Promise<string> {
  const [, text = ""] = (await repositoryFile("docs/extending.md")).split(`\n## ${section}\n`);
  const sql = /^```sql\n(.*?)^```/ms.exec(text)?.[1];
  if (sql === undefined) throw new Error(`docs/extending.md has no SQL under ${section}`);
  return sql;
}

/** As a migration makes it. */
async function migrated(db: pg.Client, sql: string): Promise<void> {
  await db.query("set local role rowhouse_migrator; set local role rowhouse_owner");
  await db.query(sql.replace(/^(alter function .* owner to .*)$/m, "set local role none; $1"));
  await db.query("set local role none");
}

test("the documented search finds a tenant's own, and is found only to be reviewed", async ({
  db,
}) => {
  const { alice, acme, mallory, globex } = await createCast(db);
  await migrated(db, await sqlOf("Search in texts"));
  expect(
    (await runAudit(db))
      .filter(({ rule }) => rule !== "server_version")
      .map(({ rule, object }) => `${rule} ${object}`),
  ).toEqual([
    "definer_reviewed app_public.search_projects(text)",
    "policy_canonical select_searcher on app_public.projects",
  ]);

  const inAcme = { userId: alice, tenantId: acme };
  const inGlobex = { userId: mallory, tenantId: globex };
  await asUser(db, inAcme, () =>
    db.query("insert into app_public.projects (name) values ('New roof')"),
  );
  const search = (who: typeof inAcme | { userId: string }) =>
    asUser(db, who, () =>
      rowsOf<{ name: string }>(db, "select name from app_public.search_projects('roof')"),
    );
  expect(await search(inAcme)).toEqual([{ name: "New roof" }]);
  expect(await search(inGlobex)).toEqual([]);
  expect(await codeOf(search({ userId: mallory }))).toBe("TNREQ");
  await db.query("delete from app_public.projects");
  expect(await codeOf(search({ userId: mallory }))).toBe("TNREQ");
});

test("whom a row names can be removed, and nobody can be named who is no member", async ({
  db,
}) => {
  const { alice, bob, acme, mallory } = await createCast(db);
  const key = (await sqlOf("Somebody in the tenant")).replace("notes_", "projects_");
  await migrated(
    db,
    `alter table app_public.projects add column assignee_id uuid, add ${key};
    create index projects_assignee_idx on app_public.projects (tenant_id, assignee_id);
    grant insert (assignee_id) on app_public.projects to app_user`,
  );
  expect((await runAudit(db)).filter(({ rule }) => rule !== "server_version")).toEqual([]);

  const who = { userId: alice, tenantId: acme };
  const assign = (userId: string) =>
    asUser(db, who, () =>
      db.query("insert into app_public.projects (name, assignee_id) values ('Roof', $1)", [userId]),
    );
  expect(await codeOf(assign(mallory))).toBe("23503");
  await assign(bob);
  await asUser(db, who, () => db.query("select app_public.remove_member($1)", [bob]));
  expect(await rowsOf(db, "select assignee_id from app_public.projects")).toEqual([
    { assignee_id: null },
  ]);
});
