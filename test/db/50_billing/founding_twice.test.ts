/** createTenant with an idempotency key: a click that is repeated founds nothing. */
import { randomUUID } from "node:crypto";

import { asUser, createCast, describe, expect, test, withClient } from "../../support/index.ts";
import { codeOf, request, rowOf, rowsOf } from "../../support/query.ts";

const FOUND = "select id from app_public.create_tenant($1, $2, $3, $4)";

describe("createTenant called again", () => {
  test("with the same key returns the tenant that it founded, whatever it is called by now", async ({
    db,
  }) => {
    const { alice } = await createCast(db);
    const found = () =>
      asUser(db, { userId: alice }, () =>
        rowOf<{ id: string }>(db, FOUND, ["Twice", "pro", "month", "k1"]),
      );
    const first = await found();
    await db.query("update app_public.tenants set name = 'Renamed', plan = 'starter'");
    expect(await found()).toEqual(first);
    expect(
      await rowsOf(db, "select from app_private.billing_intents where tenant_id = $1", [first.id]),
    ).toHaveLength(1);
  });

  test.for([
    { what: "another name", args: ["Other", "pro", "month", "k1"] },
    { what: "another plan", args: ["Twice", "starter", "month", "k1"] },
    { what: "another interval", args: ["Twice", "pro", "year", "k1"] },
  ])("with the same key and $what is a conflict", async ({ args }, { db }) => {
    const { alice } = await createCast(db);
    const found = (values: string[]) =>
      asUser(db, { userId: alice }, () => db.query(FOUND, values));
    await found(["Twice", "pro", "month", "k1"]);
    expect(await codeOf(found(args))).toBe("CNFLT");
  });

  test("with another key, or by another person, founds another tenant", async ({ db }) => {
    const { alice, mallory } = await createCast(db);
    const found = (userId: string, key: string | null) =>
      asUser(db, { userId }, () =>
        rowOf<{ id: string }>(db, FOUND, ["Twice", "pro", "month", key]),
      );
    const ids = [
      await found(alice, "k1"),
      await found(alice, "k2"),
      await found(mallory, "k1"),
      await found(alice, null),
      await found(alice, null),
    ];
    expect(new Set(ids.map(({ id }) => id)).size).toBe(ids.length);
  });

  test("by somebody who has left the tenant shows nothing of it", async ({ db }) => {
    const { alice } = await createCast(db);
    const found = () =>
      asUser(db, { userId: alice }, () =>
        rowOf<{ id: string }>(db, FOUND, ["Twice", "pro", "month", "k1"]),
      );
    const { id } = await found();
    await db.query("delete from app_public.memberships where tenant_id = $1", [id]);
    expect(await codeOf(found())).toBe("CNFLT");
  });

  test.for(["", "x".repeat(201)])("refuses a key of the wrong length", async (key, { db }) => {
    const { alice } = await createCast(db);
    const found = asUser(db, { userId: alice }, () =>
      db.query(FOUND, ["Twice", "pro", "month", key]),
    );
    expect(await codeOf(found)).toBe("INPUT");
  });
});

test("ten clicks at once with one key make one tenant, one intent and one job", async ({
  database,
}) => {
  const userId = await withClient(database.urls.superuser, async (client) => {
    const { id } = await rowOf<{ id: string }>(
      client,
      "insert into auth.users (email, name) values ($1, 'Alice') returning id",
      [`${randomUUID()}@example.com`],
    );
    return id;
  });
  const click = () =>
    request(database, { userId, tenantId: null }, (client) =>
      rowOf<{ id: string }>(client, FOUND, ["Clicked", "pro", "month", "double click"]),
    );
  const tenants = await Promise.all(Array.from({ length: 10 }, click));
  expect(new Set(tenants.map(({ id }) => id)).size).toBe(1);
  await withClient(database.urls.superuser, async (client) => {
    expect(
      await rowOf(
        client,
        `select (select count(*)::int from app_public.tenants) as tenants,
          (select count(*)::int from app_public.memberships) as memberships,
          (select count(*)::int from app_private.billing_intents) as intents,
          (select count(*)::int from graphile_worker._private_jobs) as jobs`,
      ),
    ).toEqual({ tenants: 1, memberships: 1, intents: 1, jobs: 1 });
  });
});
