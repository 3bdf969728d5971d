/** Who may invite, and whom. */
import { asAnonymous, asUser, asWorker, describe, expect, test } from "../../support/index.ts";
import { attempt, createTeam, invite, tokenOf, type Team } from "../../support/members.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const INVITE = "invite_member($1, $2)";
const RESEND = "resend_invitation($1)";
const REVOKE = "revoke_invitation($1)";
const ACCEPT = "accept_invitation($1)";
const DAVE = "dave@example.com";

const NO_ADDRESSES = [
  null,
  "",
  " ",
  "@",
  "a@",
  "@b",
  "a b@c.de",
  "a@b@c.de",
  "a\u0007@b.de",
].concat(
  ["a\r\nBcc: x@y.de", "a,b@c.de", "a<b@c.de", "b@c.de>", "g:b@c.de;", '"a"@c.de', "a\\@c.de"],
  ["a@[1.2.3.4]", `${"x".repeat(312)}@example.com`, "x".repeat(100_000)],
);

const owner = ({ alice: userId, acme: tenantId }: Team) => ({ userId, tenantId });
const admin = ({ carol: userId, acme: tenantId }: Team) => ({ userId, tenantId });
const member = ({ bob: userId, acme: tenantId }: Team) => ({ userId, tenantId });

describe("whoever may invite", () => {
  test("invites any address in lower case, once, and the worker is told to write", async ({
    db,
  }) => {
    const team = await createTeam(db);
    const made = await asUser(db, admin(team), () =>
      rowOf(
        db,
        `select id, email, role, status, invited_by, sent_count,
          expires_at = created_at + interval '7 days' as expires_in_a_week
        from app_public.invite_member(E' \\tDave@EXAMPLE.com\\n')`,
      ),
    );
    expect(made).toEqual({
      id: made["id"],
      email: DAVE,
      role: "member",
      status: "open",
      invited_by: team.carol,
      sent_count: 1,
      expires_in_a_week: true,
    });
    const jobs = await rowsOf(
      db,
      `select payload from graphile_worker._private_jobs as jobs
      join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
      where identifier = 'send_invitation'`,
    );
    expect(jobs).toEqual([{ payload: { tenant_id: team.acme, invitation_id: made["id"] } }]);
    expect(await attempt(db, owner(team), INVITE, ["DAVE@example.com", "admin"])).toBe("CNFLT");
    expect(
      await attempt(db, { userId: team.mallory, tenantId: team.globex }, INVITE, [DAVE, "member"]),
    ).toBe("done");
  });

  test("is told the same of an address with an account and of one without", async ({ db }) => {
    const team = await createTeam(db);
    const answers = [];
    for (const email of [DAVE, "mallory@example.com", "nobody@example.com"]) {
      const answer = await asUser(db, owner(team), () =>
        rowOf(db, "select * from app_public.invite_member($1)", [email]),
      );
      answers.push({ ...answer, id: "", email: "" });
      expect(await attempt(db, owner(team), INVITE, [email, "member"])).toBe("CNFLT");
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  test("invites no member, nobody to more than they have, and nothing but an address", async ({
    db,
  }) => {
    const team = await createTeam(db);
    expect(await attempt(db, admin(team), INVITE, ["BOB@example.com", "member"])).toBe("CNFLT");
    expect(await attempt(db, admin(team), INVITE, [DAVE, "owner"])).toBe("DNIED");
    expect(await attempt(db, owner(team), INVITE, [DAVE, "king"])).toBe("INPUT");
    expect(await attempt(db, owner(team), INVITE, [DAVE, null])).toBe("INPUT");
    for (const email of NO_ADDRESSES) {
      const refused = await attempt(db, owner(team), INVITE, [email, "member"]);
      expect(refused, String(email).slice(0, 40)).toBe("INPUT");
    }
    for (const email of ["ÜMIT@example.com", "o'neil+tag@sub.example.com", "株式@例え.jp"]) {
      expect(await attempt(db, owner(team), INVITE, [email, "owner"]), email).toBe("done");
    }
  });

  test("sends again and takes back; what was sent before leads nowhere", async ({ db }) => {
    const team = await createTeam(db);
    const id = await invite(db, admin(team), DAVE);
    const dave = { userId: team.dave };
    const first = await tokenOf(db, team.acme, id);
    await db.query("update app_public.invitations set expires_at = now() - interval '1 s'");
    expect(await attempt(db, dave, ACCEPT, [first])).toBe("INPUT");
    const again = await asUser(db, owner(team), () =>
      rowOf(
        db,
        `select invited_by, sent_count, expires_at > now() as lives
        from app_public.resend_invitation($1)`,
        [id],
      ),
    );
    expect(again).toEqual({ invited_by: team.alice, sent_count: 2, lives: true });
    expect(await attempt(db, dave, ACCEPT, [first])).toBe("INPUT");
    const second = await tokenOf(db, team.acme, id);
    expect(await attempt(db, owner(team), REVOKE, [id])).toBe("done");
    expect(await attempt(db, dave, ACCEPT, [second])).toBe("INPUT");
    for (const call of [RESEND, REVOKE]) {
      expect(await attempt(db, owner(team), call, [id])).toBe("INPUT");
      expect(await attempt(db, owner(team), call, [null])).toBe("INPUT");
    }
    await expect(tokenOf(db, team.acme, id)).rejects.toThrow("Not exactly one row");
    expect(await attempt(db, owner(team), INVITE, [DAVE, "member"])).toBe("done");
  });

  test("invites again an address whose invitation has expired", async ({ db }) => {
    const team = await createTeam(db);
    await invite(db, admin(team), DAVE);
    await db.query("update app_public.invitations set expires_at = now()");
    await invite(db, admin(team), DAVE, "admin");
    expect(
      await rowsOf(db, "select role, status from app_public.invitations order by status"),
    ).toEqual([
      { role: "member", status: "expired" },
      { role: "admin", status: "open" },
    ]);
  });

  test("sends 100 a day and no more, those taken back and sent again included", async ({ db }) => {
    const team = await createTeam(db);
    const id = await invite(db, owner(team), DAVE);
    await db.query("update app_public.invitations set sent_count = 98, status = 'revoked'");
    const next = await invite(db, owner(team), DAVE);
    expect(await attempt(db, owner(team), RESEND, [next])).toBe("done");
    expect(await attempt(db, owner(team), RESEND, [next])).toBe("RATED");
    expect(await attempt(db, admin(team), INVITE, ["eve@example.com", "member"])).toBe("RATED");
    await db.query("update app_public.invitations set sent_at = now() - interval '1 day'");
    expect(await attempt(db, owner(team), RESEND, [next])).toBe("done");
    expect(
      await rowOf(db, "select sent_count from app_public.invitations where id = $1", [next]),
    ).toEqual({ sent_count: 1 });
    expect(id).not.toBe(next);
  });

  test("takes back while the tenant is suspended, and sends nothing", async ({ db }) => {
    const team = await createTeam(db);
    const id = await invite(db, owner(team), DAVE);
    for (const [access, code] of [
      ["none", "TNSUS"],
      ["read_only", "TNRDO"],
    ]) {
      await db.query("update app_public.tenants set access = $1", [access]);
      expect(await attempt(db, owner(team), INVITE, ["eve@example.com", "member"])).toBe(code);
      expect(await attempt(db, owner(team), RESEND, [id])).toBe(code);
    }
    expect(await attempt(db, owner(team), REVOKE, [id])).toBe("done");
  });
});

describe("whoever may not invite", () => {
  test("neither sees, makes, sends again nor takes back an invitation", async ({ db }) => {
    const team = await createTeam(db);
    const id = await invite(db, owner(team), DAVE);
    const seen = (userId: string, tenantId: string) =>
      asUser(db, { userId, tenantId }, () => rowsOf(db, "select id from app_public.invitations"));
    expect(await seen(team.alice, team.acme)).toEqual([{ id }]);
    expect(await seen(team.carol, team.acme)).toEqual([{ id }]);
    expect(await seen(team.bob, team.acme)).toEqual([]);
    expect(await seen(team.mallory, team.globex)).toEqual([]);
    for (const call of [RESEND, REVOKE]) {
      expect(await attempt(db, member(team), call, [id])).toBe("DNIED");
      const abroad = { userId: team.mallory, tenantId: team.globex };
      expect(await attempt(db, abroad, call, [id])).toBe("INPUT");
      const visitor = asAnonymous(db, () => db.query(`select app_public.${call}`, [id]));
      expect(await codeOf(visitor)).toBe("42501");
    }
    expect(await attempt(db, member(team), INVITE, [DAVE, "member"])).toBe("DNIED");
  });

  test("an admin leaves an owner's invitation of an owner alone", async ({ db }) => {
    const team = await createTeam(db);
    const id = await invite(db, owner(team), DAVE, "owner");
    for (const call of [RESEND, REVOKE]) {
      expect(await attempt(db, admin(team), call, [id])).toBe("DNIED");
    }
  });

  test.for([
    "insert into app_public.invitations (email, role) values ('x@y.de', 'owner')",
    "update app_public.invitations set role = 'owner'",
    "delete from app_public.invitations",
    "select from app_private.invitation_tokens",
    "insert into app_private.invitation_tokens select tenant_id, id, sha256('x') from app_public.invitations",
    "select from app_private.record_invitation_token(null, null, null)",
  ])("nobody goes around the functions: %s", async (sql, { db }) => {
    const team = await createTeam(db);
    await invite(db, owner(team), DAVE);
    expect(await codeOf(asUser(db, owner(team), () => db.query(sql)))).toBe("42501");
    if (!sql.includes("record_invitation_token")) {
      expect(await codeOf(asWorker(db, () => db.query(sql)))).toBe("42501");
    }
  });
});
