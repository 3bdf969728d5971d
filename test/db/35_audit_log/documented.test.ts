import { repositoryFile } from "../../support/contract.ts";
import { asApiKey, createCast, expect, test, withClient } from "../../support/index.ts";
import { createApiKey } from "../../support/api_keys.ts";
import { codeOf, rowOf } from "../../support/query.ts";

/** The statements of a document's SQL blocks that are for the migrator, with an id filled in. */
async function statements(file: string, id: string): Promise<string[]> {
  const blocks = [...(await repositoryFile(file)).matchAll(/```sql\n([\s\S]*?)```/g)];
  return blocks
    .map(([, sql = ""]) => sql)
    .filter((sql) => /^\s*(delete|update|\/\*)/.test(sql))
    .flatMap((sql) => sql.replaceAll("'…'", `'${id}'`).split(/(?<=;)\n/))
    .filter((sql) => sql.trim() !== "");
}

test("the migrator can do what the documents tell them to, in these words", async ({
  database,
}) => {
  await withClient(database.urls.superuser, async (db) => {
    await db.query("begin");
    const { alice, acme } = await createCast(db);
    const { secret } = await createApiKey(db, { userId: alice, tenantId: acme });
    await db.query("update app_public.audit_entries set ip = '10.0.0.1'");
    await db.query(`insert into app_public.audit_entries
      (tenant_id, occurred_at, actor_kind, action, table_name, changes)
      select id, now() - interval '3 years', 'system', 'insert', 'invitations', '{}'::jsonb from app_public.tenants
      union all
      select id, now(), 'system', 'insert', 'invitations', '{"email": [null, "somebody@example.com"]}'
      from app_public.tenants`);
    await db.query("set local session authorization rowhouse_migrator");
    const log = await statements("docs/audit_log.md", alice);
    expect(log).toHaveLength(3);
    const keys = await statements("docs/api_keys.md", acme);
    expect(keys).toHaveLength(1);
    for (const sql of [...log, ...keys]) {
      expect((await db.query(sql)).rowCount, sql).toBeGreaterThan(0);
    }
    expect(
      await rowOf(
        db,
        `select
          bool_or(occurred_at < now() - interval '2 years') as old,
          bool_or(changes::text like '%somebody@%') as address,
          bool_or(ip is not null and actor_id = $1) as ip,
          (select bool_and(revoked_at is not null) from app_public.api_keys) as revoked
        from app_public.audit_entries`,
        [alice],
      ),
    ).toEqual({ old: false, address: false, ip: false, revoked: true });
    await db.query("set local session authorization default");
    expect(await codeOf(asApiKey(db, secret, async () => {}))).toBe("LOGIN");
    await db.query("rollback");
  });
});
