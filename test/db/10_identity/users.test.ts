import { asAnonymous, asIdentity, asUser, asWorker } from "../../support/index.ts";
import { createCast, describe, expect, test } from "../../support/index.ts";
import { codeOf, rowsOf } from "../../support/query.ts";

const AUTH_TABLES = ["users", "sessions", "accounts", "verifications", "jwks"];

test("whoever signs up is there at once, and is renamed with their sign-in", async ({ db }) => {
  const { alice } = await createCast(db);
  const seen = () =>
    asUser(db, { userId: alice }, () => rowsOf(db, "select id, email, name from app_public.users"));
  expect(await seen()).toEqual([{ id: alice, email: "alice@example.com", name: "alice" }]);
  await asIdentity(db, () =>
    db.query("update auth.users set email = 'a@example.com', name = 'Alice A.' where id = $1", [
      alice,
    ]),
  );
  expect(await seen()).toEqual([{ id: alice, email: "a@example.com", name: "Alice A." }]);
});

test("an address counts as verified here when the identity provider says so, until it changes", async ({
  db,
}) => {
  const { alice } = await createCast(db);
  const isVerified = async () => {
    const [row] = await asUser(db, { userId: alice }, () =>
      rowsOf(db, "select is_email_verified from app_public.current_user()"),
    );
    return row?.["is_email_verified"];
  };
  const update = (change: string) =>
    asIdentity(db, () => db.query(`update auth.users set ${change} where id = $1`, [alice]));

  expect(await isVerified()).toBe(true);
  await update("name = 'Alice A.'");
  expect(await isVerified()).toBe(true);
  await update("email = 'new@example.com'");
  expect(await isVerified()).toBe(false);
  await update("email_verified = true");
  expect(await isVerified()).toBe(true);
  // Nor does proof of the old address hold for the new one when both are written at once.
  await update("email = 'newer@example.com', email_verified = true");
  expect(await isVerified()).toBe(false);
});

describe("a signed-in person", () => {
  test("sees themselves and nobody else, not even whom they share a tenant with", async ({
    db,
  }) => {
    const { alice, bob, acme } = await createCast(db);
    const seen = await asUser(db, { userId: bob, tenantId: acme }, () =>
      rowsOf(db, "select id from app_public.users"),
    );
    expect(seen).toEqual([{ id: bob }]);
    const asked = await asUser(db, { userId: bob, tenantId: acme }, () =>
      rowsOf(db, "select id from app_public.users where id = $1", [alice]),
    );
    expect(asked).toEqual([]);
  });

  test("is current_user", async ({ db }) => {
    const { alice } = await createCast(db);
    const rows = await asUser(db, { userId: alice }, () =>
      rowsOf(db, "select id, name from app_public.current_user()"),
    );
    expect(rows).toEqual([{ id: alice, name: "alice" }]);
  });

  test.for([
    "insert into app_public.users (id, email, name) values (gen_random_uuid(), 'e@x.y', 'E')",
    "update app_public.users set name = 'Eve'",
    "update app_public.users set is_email_verified = true",
    "delete from app_public.users",
  ])("may not write: %s", async (sql, { db }) => {
    const { alice } = await createCast(db);
    expect(await codeOf(asUser(db, { userId: alice }, () => db.query(sql)))).toBe("42501");
  });
});

test("somebody who is signed in as nobody is told to sign in", async ({ db }) => {
  await db.query("set local role app_user");
  const asked = db.query("select * from app_public.users");
  expect(await codeOf(asked)).toBe("LOGIN");
});

test("a visitor sees no person and has no current_user", async ({ db }) => {
  await createCast(db);
  for (const sql of ["select * from app_public.users", "select app_public.current_user()"]) {
    expect(await codeOf(asAnonymous(db, () => db.query(sql)))).toBe("42501");
  }
});

test.for(AUTH_TABLES)("auth.%s is the identity provider's alone", async (table, { db }) => {
  const { alice, acme } = await createCast(db);
  const sql = `select * from auth.${table}`;
  const actors = {
    user: () => asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql)),
    visitor: () => asAnonymous(db, () => db.query(sql)),
    task: () => asWorker(db, () => db.query(sql)),
  };
  for (const [name, act] of Object.entries(actors)) {
    expect(await codeOf(act()), name).toBe("42501");
  }
  expect(await codeOf(asIdentity(db, () => db.query(sql)))).toBe("done");
});

test("a task reads whom it writes to, and changes nobody", async ({ db }) => {
  const { alice } = await createCast(db);
  const seen = await asWorker(db, () =>
    rowsOf(db, "select email from app_public.users where id = $1", [alice]),
  );
  expect(seen).toEqual([{ email: "alice@example.com" }]);
  for (const sql of ["update app_public.users set name = 'x'", "delete from app_public.users"]) {
    expect(await codeOf(asWorker(db, () => db.query(sql)))).toBe("42501");
  }
});

test("the identity provider reads no tenant's row", async ({ db }) => {
  await createCast(db);
  for (const table of ["app_public.tenants", "app_public.memberships", "app_public.projects"]) {
    const read = asIdentity(db, () => db.query(`select * from ${table}`));
    expect(await codeOf(read), table).toBe("42501");
  }
});
