/** Members and invitations as a frontend meets them: over HTTP, with tokens. */
import type pg from "pg";

import { accessToken, graphql, post, signUp, type GraphQLAnswer } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { tokenOf } from "../support/members.ts";
import { foundOpenTenant, test } from "../support/quiet_system.ts";
import type { System } from "../support/system.ts";
import { codesOf, textAt, type Member } from "../support/tenant_life.ts";

const INVITE = `mutation ($email: String!, $role: String) {
  inviteMember(input: { email: $email, role: $role }) { invitation { rowId email role status } }
}`;
const ACCEPT = `mutation ($token: String!) {
  acceptInvitation(input: { token: $token }) { tenant { rowId name } }
}`;
const CHANGE = `mutation ($userId: UUID!, $role: String!) {
  changeMemberRole(input: { userId: $userId, role: $role }) { membership { role user { name } } }
}`;
const REMOVE = `mutation ($userId: UUID!) {
  removeMember(input: { userId: $userId }) { membership { role user { name } } }
}`;
const TRANSFER = `mutation ($userId: UUID!) {
  transferOwnership(input: { userId: $userId }) { membership { role user { name } } }
}`;
const LEAVE = "mutation { leaveTenant(input: {}) { membership { role userId } } }";

/** Somebody who signed up with a verified address and is in no tenant. */
async function visitor({ url }: System, admin: pg.ClientBase, name: string) {
  const person = await signUp(url, name);
  await admin.query("update app_public.users set is_email_verified = true where id = $1", [
    person.id,
  ]);
  const token = await accessToken(url, person);
  const ask = (query: string, variables?: Record<string, unknown>) =>
    graphql(url, token, query, variables);
  return { person, ask };
}

/** Invites an address over HTTP and takes the token from what the worker would send. */
async function emailedToken(
  admin: pg.ClientBase,
  { ask, tenantId }: Member,
  email: string,
  role = "member",
): Promise<{ invitationId: string; token: string }> {
  const { data } = await ask(INVITE, { email, role });
  const invitationId = textAt(data, "inviteMember", "invitation", "rowId");
  return { invitationId, token: await anotherToken(admin, tenantId, invitationId) };
}

async function anotherToken(admin: pg.ClientBase, tenantId: string, invitationId: string) {
  await admin.query("begin");
  const token = await tokenOf(admin, tenantId, invitationId);
  await admin.query("commit");
  return token;
}

/** Somebody who accepted an owner's invitation. */
async function joined(
  system: System,
  admin: pg.ClientBase,
  owner: Member,
  name: string,
  role = "member",
): Promise<Member> {
  const { person, ask } = await visitor(system, admin, name);
  const { token: invitation } = await emailedToken(admin, owner, person.email, role);
  const { errors } = await ask(ACCEPT, { token: invitation });
  expect(errors).toEqual([]);
  const { tenantId } = owner;
  const token = await accessToken(system.url, person, tenantId);
  return { person, tenantId, token, ask: (...query) => graphql(system.url, token, ...query) };
}

function told({ data, errors }: GraphQLAnswer) {
  return errors.length > 0 ? codesOf({ errors }) : data;
}

describe("an invited person", () => {
  test("accepts, switches to the tenant, and sees who is in it and what they may do", async ({
    system,
    admin,
    alice,
  }) => {
    const bob = await visitor(system, admin, "Bob");
    const { token } = await emailedToken(admin, alice, bob.person.email.toUpperCase(), "admin");
    const accepted = { acceptInvitation: { tenant: { rowId: alice.tenantId, name: "Acme" } } };
    expect(told(await bob.ask(ACCEPT, { token }))).toEqual(accepted);
    expect(told(await bob.ask(ACCEPT, { token }))).toEqual(accepted);

    const inside = await accessToken(system.url, bob.person, alice.tenantId);
    const answer = await graphql(
      system.url,
      inside,
      `
        {
          permissions
          currentMembership {
            role
            user {
              name
              email
            }
          }
          memberships {
            nodes {
              role
              user {
                email
              }
            }
          }
          roles(condition: { key: "member" }) {
            nodes {
              key
              permissions {
                nodes {
                  permission
                }
              }
            }
          }
          tenants {
            nodes {
              name
            }
          }
        }
      `,
    );
    const { email } = bob.person;
    expect(answer.errors).toEqual([]);
    expect(told(answer)).toEqual({
      permissions:
        "api_keys.manage audit.read members.change_role members.invite members.read members.remove tenant.manage".split(
          " ",
        ),
      currentMembership: { role: "admin", user: { name: "Bob", email } },
      memberships: {
        nodes: expect.arrayContaining([
          { role: "owner", user: { email: alice.person.email } },
          { role: "admin", user: { email } },
        ]),
      },
      roles: {
        nodes: [{ key: "member", permissions: { nodes: [{ permission: "members.read" }] } }],
      },
      tenants: { nodes: [{ name: "Acme" }] },
    });
  });

  test("is told in codes why not", async ({ system, admin, alice, mallory }) => {
    const eve = await visitor(system, admin, "Eve");
    const { invitationId, token } = await emailedToken(admin, alice, eve.person.email);
    const resend = `mutation ($id: UUID!) {
      resendInvitation(input: { invitationId: $id }) { invitation { sentCount } }
    }`;
    const decline = `mutation ($token: String!) {
      declineInvitation(input: { token: $token }) { invitation { status } }
    }`;
    const revoke = `mutation ($id: UUID!) {
      revokeInvitation(input: { invitationId: $id }) { invitation { status } }
    }`;
    expect(told(await mallory.ask(ACCEPT, { token }))).toEqual(["FORBIDDEN"]);
    expect(told(await graphql(system.url, undefined, ACCEPT, { token }))).toEqual([
      "UNAUTHENTICATED",
    ]);
    expect(told(await alice.ask(INVITE, { email: eve.person.email, role: "member" }))).toEqual([
      "CONFLICT",
    ]);
    expect(told(await mallory.ask(resend, { id: invitationId }))).toEqual(["BAD_USER_INPUT"]);
    expect(told(await alice.ask(resend, { id: invitationId }))).toEqual({
      resendInvitation: { invitation: { sentCount: 2 } },
    });
    expect(told(await eve.ask(ACCEPT, { token }))).toEqual(["BAD_USER_INPUT"]);
    const again = await anotherToken(admin, alice.tenantId, invitationId);
    expect(told(await eve.ask(decline, { token: again }))).toEqual({
      declineInvitation: { invitation: { status: "declined" } },
    });
    const last = await emailedToken(admin, alice, eve.person.email);
    expect(told(await alice.ask(revoke, { id: last.invitationId }))).toEqual({
      revokeInvitation: { invitation: { status: "revoked" } },
    });
    expect(told(await eve.ask(ACCEPT, { token: last.token }))).toEqual(["BAD_USER_INPUT"]);
  });

  test("finds the seats of the plan taken, with the numbers", async ({ system, admin }) => {
    const owner = await foundOpenTenant(system, admin, { name: "Full", person: "Olga" });
    await admin.query(
      "insert into app_private.feature_overrides (tenant_id, feature_key, quota) values ($1, 'seats', 1)",
      [owner.tenantId],
    );
    const eve = await visitor(system, admin, "Eve");
    const { token } = await emailedToken(admin, owner, eve.person.email);
    const { errors } = await eve.ask(ACCEPT, { token });
    expect(errors[0]?.extensions).toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { feature: "seats", limit: 1, used: 1, resetsAt: null },
    });
  });
});

describe("a tenant's people", () => {
  test("change roles, hand over, remove and leave; refusals have their codes", async ({
    system,
    admin,
  }) => {
    const owner = await foundOpenTenant(system, admin, { name: "Umbrella", person: "Olga" });
    const bob = await joined(system, admin, owner, "Bob");
    const [userId, olga] = [bob.person.id, owner.person.id];
    expect(told(await bob.ask(CHANGE, { userId, role: "admin" }))).toEqual(["FORBIDDEN"]);
    expect(told(await owner.ask(LEAVE))).toEqual(["CONFLICT"]);
    expect(told(await owner.ask(CHANGE, { userId, role: "king" }))).toEqual(["BAD_USER_INPUT"]);
    expect(told(await owner.ask(CHANGE, { userId, role: "admin" }))).toEqual({
      changeMemberRole: { membership: { role: "admin", user: { name: "Bob" } } },
    });
    expect(told(await owner.ask(TRANSFER, { userId }))).toEqual({
      transferOwnership: { membership: { role: "owner", user: { name: "Bob" } } },
    });
    expect(told(await owner.ask(REMOVE, { userId }))).toEqual(["FORBIDDEN"]);
    expect(told(await bob.ask(REMOVE, { userId: olga }))).toEqual({
      removeMember: { membership: { role: "admin", user: null } },
    });
  });

  test("who leave are out, also for the rest of what they asked at once", async ({
    system,
    admin,
    alice,
  }) => {
    const bob = await joined(system, admin, alice, "Bob", "admin");
    const answer = await bob.ask(`mutation {
      leaveTenant(input: {}) { membership { role user { name } } }
      inviteMember(input: { email: "x@example.com" }) { clientMutationId }
    }`);
    expect(answer.data).toEqual({
      leaveTenant: { membership: { role: "admin", user: null } },
      inviteMember: null,
    });
    expect(codesOf(answer)).toEqual(["TENANT_NOT_FOUND", "TENANT_NOT_FOUND"]);
    expect(told(await bob.ask("{ permissions }"))).toEqual(["TENANT_NOT_FOUND"]);
  });
});

describe("a token that was issued before", () => {
  const LIST = "{ memberships { totalCount } }";

  test("a removal is good for nothing at the next request, and no new one is issued", async ({
    system,
    admin,
    alice,
    mallory,
  }) => {
    const bob = await joined(system, admin, alice, "Bob");
    await alice.ask(REMOVE, { userId: bob.person.id });
    expect(told(await bob.ask(LIST))).toEqual(["TENANT_NOT_FOUND"]);
    for (const { person } of [bob, mallory]) {
      const { status, body } = await post(
        `${system.url}/auth/token`,
        { tenantId: alice.tenantId },
        { authorization: `Bearer ${person.session}` },
      );
      expect([status, codesOf(body as GraphQLAnswer)]).toEqual([403, ["TENANT_NOT_FOUND"]]);
    }
  });

  test("a change of role has the new role's permissions at the next request", async ({
    system,
    admin,
    alice,
  }) => {
    const bob = await joined(system, admin, alice, "Bob", "admin");
    const invite = () => bob.ask(INVITE, { email: `${bob.person.id}@example.com` });
    expect((await invite()).errors).toEqual([]);
    await alice.ask(CHANGE, { userId: bob.person.id, role: "member" });
    expect(told(await bob.ask("{ permissions }"))).toEqual({ permissions: ["members.read"] });
    expect(told(await invite())).toEqual(["FORBIDDEN"]);
  });

  test("the tenant's end reads and writes nothing of it any more", async ({ system, admin }) => {
    const owner = await foundOpenTenant(system, admin, { name: "Closing", person: "Olga" });
    expect((await owner.ask("{ projects { totalCount } }")).errors).toEqual([]);
    await admin.query(
      `update app_public.tenants set status = 'closed', access = 'none', access_reason = 'closed'
      where id = $1`,
      [owner.tenantId],
    );
    expect(told(await owner.ask("{ projects { totalCount } }"))).toEqual(["TENANT_SUSPENDED"]);
    expect(told(await owner.ask(INVITE, { email: "x@example.com" }))).toEqual(["TENANT_SUSPENDED"]);
  });
});
