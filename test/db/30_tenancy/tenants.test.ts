import { asAnonymous, asUser, createCast, describe, expect, test } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

/** Everything that create_tenant makes. */
const MADE = `select
  (select count(*)::int from app_public.tenants) as tenants,
  (select count(*)::int from app_public.memberships) as memberships,
  (select count(*)::int from app_public.billing_accounts) as accounts,
  (select count(*)::int from app_private.billing_intents) as intents,
  (select count(*)::int from graphile_worker._private_jobs) as jobs`;

describe("createTenant", () => {
  test("makes the tenant, its owner, its account, the frozen wish and the job", async ({ db }) => {
    const { bob } = await createCast(db);
    const before = await rowOf(db, MADE);
    const tenant = await asUser(db, { userId: bob }, () =>
      rowOf<{ id: string }>(
        db,
        "select id, name, plan, status, access from app_public.create_tenant(' Bob & Co ', 'starter', 'year')",
      ),
    );
    const { id } = tenant;
    expect(tenant).toEqual({
      id,
      name: "Bob & Co",
      plan: "starter",
      status: "provisioning",
      access: "none",
    });
    expect(await rowOf(db, MADE)).toEqual(
      Object.fromEntries(Object.entries(before).map(([what, count]) => [what, Number(count) + 1])),
    );
    const of = (table: string, columns: string) =>
      rowOf(db, `select ${columns} from ${table} where tenant_id = $1`, [id]);
    expect(await of("app_public.memberships", "user_id, role")).toEqual({
      user_id: bob,
      role: "owner",
    });
    expect(
      await of("app_private.billing_intents", "customer_email, customer_name, price_lookup_key"),
    ).toEqual({
      customer_email: "bob@example.com",
      customer_name: "Bob & Co",
      price_lookup_key: "starter_year",
    });
    const job = await rowOf(
      db,
      `select identifier, payload from graphile_worker._private_jobs as jobs
      join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id where key = $1`,
      [`stripe_provision_tenant:${id}`],
    );
    expect(job).toEqual({ identifier: "stripe_provision_tenant", payload: { tenant_id: id } });
  });

  test.for([
    { why: "an empty name", args: ["", "pro", "month"] },
    { why: "a blank name", args: [" \t ", "pro", "month"] },
    { why: "no name", args: [null, "pro", "month"] },
    { why: "a name that is too long", args: ["x".repeat(101), "pro", "month"] },
    { why: "a control character", args: ["a\u0007b", "pro", "month"] },
    { why: "a line break", args: ["a\nb", "pro", "month"] },
    { why: "blanks of other scripts only", args: ["\u00a0\u2003", "pro", "month"] },
    { why: "an unknown plan", args: ["Acme", "gold", "month"] },
    { why: "no plan", args: ["Acme", null, "month"] },
    { why: "an unknown interval", args: ["Acme", "pro", "week"] },
    { why: "no interval", args: ["Acme", "pro", null] },
  ])("refuses $why and leaves nothing", async ({ args }, { db }) => {
    const { alice } = await createCast(db);
    const before = await rowOf(db, MADE);
    const made = asUser(db, { userId: alice }, () =>
      db.query("select app_public.create_tenant($1, $2, $3)", args),
    );
    expect(await codeOf(made)).toBe("INPUT");
    expect(await rowOf(db, MADE)).toEqual(before);
  });

  test("takes names of any script, up to 100 characters", async ({ db }) => {
    const { alice } = await createCast(db);
    for (const name of ["Ünïcødé Straße", "株式会社", "🏠".repeat(100), "O'Reilly; drop table"]) {
      const row = await asUser(db, { userId: alice }, () =>
        rowOf(db, "select name from app_public.create_tenant($1, 'pro')", [name]),
      );
      expect(row).toEqual({ name });
    }
  });

  test("is refused to a person who has founded a hundred within an hour, and to no one else", async ({
    db,
  }) => {
    const { alice, mallory } = await createCast(db);
    const found = (userId: string) =>
      codeOf(asUser(db, { userId }, () => db.query("select app_public.create_tenant('One more')")));
    await db.query(
      `with founded as (
        insert into app_public.tenants (name, plan)
        select 'Tenant ' || number, 'pro' from generate_series(1, 99) as number
        returning id
      )
      insert into app_public.memberships (tenant_id, user_id, role)
      select founded.id, $1, 'owner' from founded`,
      [alice],
    );
    expect(await found(alice)).toBe("RATED");
    expect(await found(mallory)).toBe("done");
    await db.query("update app_public.tenants set created_at = now() - interval '1 hour'");
    expect(await found(alice)).toBe("done");
  });

  test("is not a visitor's", async ({ db }) => {
    const made = asAnonymous(db, () => db.query("select app_public.create_tenant('A', 'pro')"));
    expect(await codeOf(made)).toBe("42501");
  });
});

describe("a tenant's row", () => {
  test.for([
    { role: "owner", name: "Renamed" },
    { role: "admin", name: "Renamed" },
    { role: "member", name: "Acme" },
  ])("after an update by its $role the name is $name", async ({ role, name }, { db }) => {
    const { bob, acme } = await createCast(db);
    await db.query("update app_public.memberships set role = $1 where user_id = $2", [role, bob]);
    await asUser(db, { userId: bob, tenantId: acme }, () =>
      db.query("update app_public.tenants set name = 'Renamed' where id = $1", [acme]),
    );
    const row = await rowOf(db, "select name from app_public.tenants where id = $1", [acme]);
    expect(row).toEqual({ name });
  });

  test("is changed in nothing but its name, and neither made nor deleted directly", async ({
    db,
  }) => {
    const { alice, acme } = await createCast(db);
    for (const sql of [
      "update app_public.tenants set plan = 'enterprise'",
      "update app_public.tenants set status = 'active'",
      "update app_public.tenants set access = 'full'",
      "update app_public.tenants set grace_ends_at = 'infinity'",
      "update app_public.tenants set id = gen_random_uuid()",
      "insert into app_public.tenants (name, plan) values ('A', 'pro')",
      "delete from app_public.tenants",
    ]) {
      const write = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
      expect(await codeOf(write), sql).toBe("42501");
    }
  });

  test("is its people's, also while suspended; the neighbour's is not there", async ({ db }) => {
    const { bob, acme, globex } = await createCast(db);
    await db.query("update app_public.tenants set access = 'none' where id = $1", [acme]);
    await asUser(db, { userId: bob, tenantId: acme }, async () => {
      expect(await rowsOf(db, "select id, access from app_public.tenants")).toEqual([
        { id: acme, access: "none" },
      ]);
      expect(await rowsOf(db, "select id from app_public.current_tenant()")).toEqual([
        { id: acme },
      ]);
      const { rowCount } = await db.query(
        "select from app_public.tenants where id = $1 for key share",
        [globex],
      );
      expect(rowCount).toBe(0);
    });
  });
});

describe("memberships", () => {
  test.for([
    "update app_public.memberships set role = 'owner'",
    "insert into app_public.memberships (tenant_id, user_id, role) select tenant_id, gen_random_uuid(), 'owner' from app_public.memberships",
    "insert into app_public.memberships (user_id, role) values (gen_random_uuid(), 'owner')",
    "delete from app_public.memberships",
    "insert into app_public.role_permissions (role_key, permission) values ('member', 'tenant.manage')",
    "update app_public.roles set name = 'x'",
  ])("are nobody's to write, so nobody raises themselves: %s", async (sql, { db }) => {
    const { alice, bob, acme } = await createCast(db);
    for (const userId of [alice, bob]) {
      const write = asUser(db, { userId, tenantId: acme }, () => db.query(sql));
      expect(await codeOf(write)).toBe("42501");
    }
  });

  test("of the tenant are all that its people see", async ({ db }) => {
    const { alice, bob, acme } = await createCast(db);
    const rows = await asUser(db, { userId: bob, tenantId: acme }, () =>
      rowsOf(db, "select user_id, role from app_public.memberships order by role"),
    );
    expect(rows).toEqual([
      { user_id: bob, role: "member" },
      { user_id: alice, role: "owner" },
    ]);
  });
});

test("tenants lists a person's own, without any tenant entered, and nobody else's", async ({
  db,
}) => {
  const { alice, mallory, acme, globex } = await createCast(db);
  await db.query(
    "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'member')",
    [globex, alice],
  );
  const mine = (userId: string) =>
    asUser(db, { userId }, () => rowsOf(db, "select id from app_public.my_tenants()"));
  expect(await mine(alice)).toEqual([{ id: acme }, { id: globex }]);
  expect(await mine(mallory)).toEqual([{ id: globex }]);
  const asked = asAnonymous(db, () => db.query("select app_public.my_tenants()"));
  expect(await codeOf(asked)).toBe("42501");
});
