/** Who may change who belongs to a tenant, and as what. */
import { asAnonymous, asUser, describe, expect, test } from "../../support/index.ts";
import { attempt, createTeam, rolesIn, type Team } from "../../support/members.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const CHANGE = "change_member_role($1, $2)";
const REMOVE = "remove_member($1)";
const TRANSFER = "transfer_ownership($1)";
const NOBODY = "00000000-0000-7000-8000-000000000000";

const MY_PERMISSIONS = "select app_private.has_permission('tenant.transfer') as transfers";

describe("an owner", () => {
  const alice = ({ alice: userId, acme: tenantId }: Team) => ({ userId, tenantId });

  test("gives and takes every role, another owner's too", async ({ db }) => {
    const team = await createTeam(db);
    for (const role of ["admin", "owner", "member"]) {
      expect(await attempt(db, alice(team), CHANGE, [team.bob, role])).toBe("done");
      expect(await rolesIn(db, team.acme)).toMatchObject({ [team.bob]: role });
    }
    expect(await attempt(db, alice(team), REMOVE, [team.carol])).toBe("done");
    expect(await rolesIn(db, team.acme)).toEqual({ [team.alice]: "owner", [team.bob]: "member" });
  });

  test("hands the tenant over and is an admin from the next statement on", async ({ db }) => {
    const team = await createTeam(db);
    await asUser(db, alice(team), async () => {
      expect(await rowOf(db, MY_PERMISSIONS)).toEqual({ transfers: true });
      const heir = await rowOf(db, "select user_id, role from app_public.transfer_ownership($1)", [
        team.bob,
      ]);
      expect(heir).toEqual({ user_id: team.bob, role: "owner" });
      expect(await rowOf(db, MY_PERMISSIONS)).toEqual({ transfers: false });
    });
    expect(await rolesIn(db, team.acme)).toEqual({
      [team.alice]: "admin",
      [team.bob]: "owner",
      [team.carol]: "admin",
    });
    expect(await attempt(db, alice(team), TRANSFER, [team.alice])).toBe("DNIED");
  });

  test("who steps down has the new role's permissions from the next statement on", async ({
    db,
  }) => {
    const team = await createTeam(db);
    await attempt(db, alice(team), CHANGE, [team.bob, "owner"]);
    await asUser(db, alice(team), async () => {
      await db.query(`select app_public.${CHANGE}`, [team.alice, "member"]);
      expect(await rowOf(db, MY_PERMISSIONS)).toEqual({ transfers: false });
    });
  });

  test("who is the last can't leave, be removed or step down", async ({ db }) => {
    const team = await createTeam(db);
    const before = await rolesIn(db, team.acme);
    expect(await attempt(db, alice(team), "leave_tenant()")).toBe("CNFLT");
    expect(await attempt(db, alice(team), REMOVE, [team.alice])).toBe("CNFLT");
    for (const role of ["admin", "member"]) {
      expect(await attempt(db, alice(team), CHANGE, [team.alice, role])).toBe("CNFLT");
    }
    expect(await attempt(db, alice(team), CHANGE, [team.alice, "owner"])).toBe("done");
    expect(await rolesIn(db, team.acme)).toEqual(before);
  });

  test("with another beside them goes, and is out from the next statement on", async ({ db }) => {
    const team = await createTeam(db);
    for (const going of ["leave_tenant()", `remove_member('${team.alice}')`]) {
      await db.query("savepoint going");
      await attempt(db, alice(team), CHANGE, [team.bob, "owner"]);
      const still = asUser(db, alice(team), async () => {
        await db.query(`select app_public.${going}`);
        await db.query("select from app_public.memberships");
      });
      expect(await codeOf(still), going).toBe("TNREQ");
      expect(await attempt(db, alice(team), going)).toBe("done");
      expect(await attempt(db, alice(team), "current_tenant()")).toBe("TNFND");
      await db.query("rollback to savepoint going");
    }
  });

  test("is refused people who are not members, and roles that are none", async ({ db }) => {
    const team = await createTeam(db);
    const before = await rolesIn(db, team.acme);
    for (const [call, values] of [
      [REMOVE, [team.mallory]],
      [REMOVE, [null]],
      [REMOVE, [NOBODY]],
      [TRANSFER, [team.mallory]],
      [TRANSFER, [team.alice]],
      [TRANSFER, [null]],
      [CHANGE, [team.mallory, "admin"]],
      [CHANGE, [team.bob, "king"]],
      [CHANGE, [team.bob, null]],
      [CHANGE, [null, "admin"]],
    ] as const) {
      expect(await attempt(db, alice(team), call, [...values]), `${call} ${String(values)}`).toBe(
        "INPUT",
      );
    }
    expect(await rolesIn(db, team.acme)).toEqual(before);
    expect(await rolesIn(db, team.globex)).toEqual({ [team.mallory]: "owner" });
  });

  test("still lets people go while the tenant has no access", async ({ db }) => {
    const team = await createTeam(db);
    await db.query("update app_public.tenants set access = 'none', status = 'suspended'");
    expect(await attempt(db, alice(team), REMOVE, [team.bob])).toBe("done");
    expect(await attempt(db, { ...alice(team), userId: team.carol }, "leave_tenant()")).toBe(
      "done",
    );
    expect(await rolesIn(db, team.acme)).toEqual({ [team.alice]: "owner" });
  });
});

describe("an admin", () => {
  const carol = ({ carol: userId, acme: tenantId }: Team) => ({ userId, tenantId });

  test("raises a member to admin, lowers and removes them, and leaves", async ({ db }) => {
    const team = await createTeam(db);
    expect(await attempt(db, carol(team), CHANGE, [team.bob, "admin"])).toBe("done");
    expect(await attempt(db, carol(team), CHANGE, [team.bob, "member"])).toBe("done");
    expect(await attempt(db, carol(team), REMOVE, [team.bob])).toBe("done");
    expect(await attempt(db, carol(team), "leave_tenant()")).toBe("done");
    expect(await rolesIn(db, team.acme)).toEqual({ [team.alice]: "owner" });
  });

  test("neither makes nor touches an owner", async ({ db }) => {
    const team = await createTeam(db);
    const before = await rolesIn(db, team.acme);
    for (const [call, values] of [
      [CHANGE, [team.bob, "owner"]],
      [CHANGE, [team.carol, "owner"]],
      [CHANGE, [team.alice, "admin"]],
      [REMOVE, [team.alice]],
      [TRANSFER, [team.carol]],
      [TRANSFER, [team.bob]],
    ] as const) {
      expect(await attempt(db, carol(team), call, [...values]), call).toBe("DNIED");
    }
    expect(await rolesIn(db, team.acme)).toEqual(before);
  });
});

describe("a member", () => {
  test("leaves, and changes nobody, not even themselves", async ({ db }) => {
    const team = await createTeam(db);
    const bob = { userId: team.bob, tenantId: team.acme };
    for (const userId of [team.alice, team.bob, team.carol]) {
      expect(await attempt(db, bob, REMOVE, [userId])).toBe("DNIED");
      expect(await attempt(db, bob, CHANGE, [userId, "member"])).toBe("DNIED");
      expect(await attempt(db, bob, TRANSFER, [userId])).toBe("DNIED");
    }
    expect(await attempt(db, bob, "leave_tenant()")).toBe("done");
    expect(await rolesIn(db, team.acme)).toEqual({ [team.alice]: "owner", [team.carol]: "admin" });
  });

  test("sees the names of the tenant's people, and of nobody else", async ({ db }) => {
    const team = await createTeam(db);
    const names = (userId: string, tenantId: string, of: string) =>
      asUser(db, { userId, tenantId }, () =>
        rowOf(
          db,
          `select (
            app_public.memberships_user(row($1, $2, 'member', now())::app_public.memberships)
          ).name`,
          [tenantId, of],
        ),
      );
    expect(await names(team.bob, team.acme, team.alice)).toEqual({ name: "alice" });
    expect(await names(team.bob, team.acme, team.mallory)).toEqual({ name: null });
    expect(await names(team.mallory, team.globex, team.bob)).toEqual({ name: null });
    await db.query("delete from app_public.role_permissions where permission = 'members.read'");
    expect(await names(team.bob, team.acme, team.alice)).toEqual({ name: null });
    const seen = asUser(db, { userId: team.bob, tenantId: team.acme }, () =>
      rowsOf(db, "select from app_public.memberships"),
    );
    expect(await seen).toEqual([]);
  });
});

describe("a role of the founder's own", () => {
  test.for([
    { permissions: ["members.change_role"], call: CHANGE, values: ["member"] },
    { permissions: ["members.remove"], call: REMOVE, values: [] },
    { permissions: ["tenant.transfer"], call: TRANSFER, values: [] },
  ])("with $permissions alone grants and takes nothing that it lacks", async (given, { db }) => {
    const team = await createTeam(db);
    await db.query("insert into app_public.roles values ('clerk', 'Clerk', 9)");
    await db.query("insert into app_public.role_permissions select 'clerk', unnest($1::text[])", [
      given.permissions,
    ]);
    await db.query("update app_public.memberships set role = 'clerk' where user_id = $1", [
      team.bob,
    ]);
    const before = await rolesIn(db, team.acme);
    const bob = { userId: team.bob, tenantId: team.acme };
    expect(await attempt(db, bob, given.call, [team.carol, ...given.values])).toBe("DNIED");
    expect(await rolesIn(db, team.acme)).toEqual(before);
  });
});

describe("a stranger and a visitor", () => {
  test("have none of these functions to use on a tenant", async ({ db }) => {
    const team = await createTeam(db);
    const calls: [string, unknown[]][] = [
      [REMOVE, [team.bob]],
      [CHANGE, [team.bob, "admin"]],
      [TRANSFER, [team.bob]],
      ["leave_tenant()", []],
    ];
    for (const [call, values] of calls) {
      const visitor = asAnonymous(db, () => db.query(`select app_public.${call}`, values));
      expect(await codeOf(visitor), call).toBe("42501");
      expect(await attempt(db, { userId: team.mallory }, call, values), call).toBe("TNREQ");
      const abroad = { userId: team.mallory, tenantId: team.acme };
      expect(await attempt(db, abroad, call, values), call).toBe("TNFND");
      const athome = { userId: team.mallory, tenantId: team.globex };
      expect(await attempt(db, athome, call, values), call).not.toBe("done");
    }
    expect(Object.keys(await rolesIn(db, team.acme))).toHaveLength(3);
  });
});
