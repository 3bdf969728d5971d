/** Who may answer an invitation, and what comes of it. */
import { asAnonymous, asUser, describe, expect, test } from "../../support/index.ts";
import {
  attempt,
  createTeam,
  invite,
  rolesIn,
  signUpVerified,
  tokenOf,
  type Team,
} from "../../support/members.ts";
import { codeOf, rowOf } from "../../support/query.ts";

const INVITE = "invite_member($1, $2)";
const ACCEPT = "accept_invitation($1)";
const DECLINE = "decline_invitation($1)";
const DAVE = "dave@example.com";

const owner = ({ alice: userId, acme: tenantId }: Team) => ({ userId, tenantId });
const admin = ({ carol: userId, acme: tenantId }: Team) => ({ userId, tenantId });

describe("the invited person", () => {
  test("accepts, is in with the role, and is told the same when asked again", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE, "admin"));
    const accept = () =>
      asUser(db, { userId: team.dave }, async () => ({
        tenant: await rowOf(db, "select id, name from app_public.accept_invitation($1)", [token]),
        inside: await rowOf(db, "select role from app_public.current_membership()"),
      }));
    const answer = { tenant: { id: team.acme, name: "Acme" }, inside: { role: "admin" } };
    expect(await accept()).toEqual(answer);
    expect(await accept()).toEqual(answer);
    expect(
      await rowOf(db, "select status, answered_at is not null as done from app_public.invitations"),
    ).toEqual({ status: "accepted", done: true });
    expect(await attempt(db, { userId: team.dave }, DECLINE, [token])).toBe("CNFLT");
    // Removed, they stay out, whatever else they are a member of.
    await attempt(db, owner(team), "remove_member($1)", [team.dave]);
    await db.query(
      "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')",
      [team.globex, team.dave],
    );
    expect(await attempt(db, { userId: team.dave }, ACCEPT, [token])).toBe("INPUT");
  });

  test("declines, for good", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE));
    expect(await attempt(db, { userId: team.dave }, DECLINE, [token])).toBe("done");
    for (const call of [ACCEPT, DECLINE]) {
      expect(await attempt(db, { userId: team.dave }, call, [token])).toBe("INPUT");
    }
    expect(await rolesIn(db, team.acme)).not.toHaveProperty(team.dave);
  });

  test("is let in by whatever e-mail of the sending that was tried again", async ({ db }) => {
    const team = await createTeam(db);
    const id = await invite(db, owner(team), DAVE);
    const first = await tokenOf(db, team.acme, id);
    await tokenOf(db, team.acme, id);
    expect(await attempt(db, { userId: team.dave }, ACCEPT, [first])).toBe("done");
  });

  test("needs a verified address, in whatever case it was typed", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE));
    await db.query(
      "update app_public.users set is_email_verified = false, email = 'Dave@Example.COM' where id = $1",
      [team.dave],
    );
    for (const call of [ACCEPT, DECLINE]) {
      expect(await attempt(db, { userId: team.dave }, call, [token])).toBe("DNIED");
    }
    await db.query("update app_public.users set is_email_verified = true");
    expect(await attempt(db, { userId: team.dave }, ACCEPT, [token])).toBe("done");
  });

  test("stays what they are when they are a member already", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE, "owner"));
    await db.query(
      "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'member')",
      [team.acme, team.dave],
    );
    expect(await attempt(db, { userId: team.dave }, ACCEPT, [token])).toBe("done");
    expect(await rolesIn(db, team.acme)).toMatchObject({ [team.dave]: "member" });
  });

  test("finds no seat when the plan has none left", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE));
    await db.query("update app_public.tenants set plan = 'starter'");
    const refused = asUser(db, { userId: team.dave }, () =>
      db.query("select app_public.accept_invitation($1)", [token]),
    ).catch(({ code, detail }) => ({ code, detail: JSON.parse(detail) }));
    expect(await refused).toEqual({
      code: "QUOTA",
      detail: { feature: "seats", limit: 3, used: 3, resetsAt: null },
    });
    await attempt(db, owner(team), "remove_member($1)", [team.bob]);
    expect(await attempt(db, { userId: team.dave }, ACCEPT, [token])).toBe("done");
  });

  test.for([
    { why: "is suspended", sql: "update app_public.tenants set access = 'none'", code: "TNSUS" },
    {
      why: "is closed",
      sql: "update app_public.tenants set access = 'none', status = 'closed'",
      code: "TNSUS",
    },
    {
      why: "is read-only",
      sql: "update app_public.tenants set access = 'read_only'",
      code: "TNRDO",
    },
    {
      why: "has lost who invited",
      sql: "delete from app_public.memberships where role = 'admin'",
      code: "INPUT",
    },
    {
      why: "has demoted who invited",
      sql: "update app_public.memberships set role = 'member' where role = 'admin'",
      code: "INPUT",
    },
    {
      why: "has raised the role",
      sql: "insert into app_public.role_permissions values ('member', 'tenant.transfer')",
      code: "INPUT",
    },
  ])("does not get into a tenant that $why", async ({ sql, code }, { db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, admin(team), DAVE));
    await db.query(sql);
    expect(await attempt(db, { userId: team.dave }, ACCEPT, [token])).toBe(code);
    expect(await rolesIn(db, team.acme)).not.toHaveProperty(team.dave);
  });
});

describe("somebody else", () => {
  test("with the token in hand gets nowhere", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE));
    for (const call of [ACCEPT, DECLINE]) {
      expect(await attempt(db, { userId: team.mallory }, call, [token])).toBe("DNIED");
      const visitor = asAnonymous(db, () => db.query(`select app_public.${call}`, [token]));
      expect(await codeOf(visitor)).toBe("42501");
      for (const wrong of ["", "x".repeat(10_000), token.toLowerCase(), `${token} `, null]) {
        expect(await attempt(db, { userId: team.dave }, call, [wrong])).toBe("INPUT");
      }
    }
    await db.query("delete from app_public.memberships where user_id = $1", [team.mallory]);
    await db.query("delete from app_public.users where id = $1", [team.mallory]);
    expect(await attempt(db, { userId: team.mallory }, DECLINE, [token])).toBe("DNIED");
    await attempt(db, { userId: team.dave }, ACCEPT, [token]);
    expect(await attempt(db, { userId: team.carol }, ACCEPT, [token])).toBe("INPUT");
    expect(Object.keys(await rolesIn(db, team.acme))).toHaveLength(4);
  });

  test("does not pass with letters that only look alike in lower case", async ({ db }) => {
    const team = await createTeam(db);
    const token = await tokenOf(db, team.acme, await invite(db, owner(team), "kim@example.com"));
    const lookalike = await signUpVerified(db, "someone");
    await db.query("update app_public.users set email = $2 where id = $1", [
      lookalike,
      "\u212Aim@example.com",
    ]);
    expect(await attempt(db, { userId: lookalike }, ACCEPT, [token])).toBe("DNIED");
  });
});

test("an API key, being no person, invites nobody and answers for nobody", async ({ db }) => {
  const team = await createTeam(db);
  const token = await tokenOf(db, team.acme, await invite(db, owner(team), DAVE));
  const { secret } = await asUser(db, owner(team), () =>
    rowOf<{ secret: string }>(
      db,
      "select secret from app_public.create_api_key('CI', array['read', 'write', 'billing'])",
    ),
  );
  const asKey = async (call: string, values: unknown[]) => {
    await db.query("savepoint as_key");
    const done = (async () => {
      await db.query("select app_private.enter(null, null, null, sha256($1::bytea))", [secret]);
      await db.query("set local role app_user");
      await db.query(`select app_public.${call}`, values);
    })();
    const code = await codeOf(done);
    await db.query("rollback to savepoint as_key");
    return code;
  };
  expect(await asKey(INVITE, ["eve@example.com", "member"])).toBe("DNIED");
  expect(await asKey(ACCEPT, [token])).toBe("LOGIN");
  expect(await asKey("leave_tenant()", [])).toBe("LOGIN");
  expect(await asKey("remove_member($1)", [team.bob])).toBe("LOGIN");
  expect(await asKey("my_permissions()", [])).toBe("done");
});
