/** Whatever people do to a tenant's people, in whatever order: what must hold of them, holds. */
import fc from "fast-check";
import type pg from "pg";

import { createCast, expect, test } from "../../support/index.ts";
import { attempt, invite, signUpVerified, tokenOf } from "../../support/members.ts";
import { rowOf, rowsOf, undone } from "../../support/query.ts";

const SEATS = 4;

type Member = { user_id: string; role: string; permissions: string[] };
type Scene = { tenantId: string; ids: string[]; tokens: Tokens };
type Tokens = Map<string, { token: string; inviter: string }>;

const person = fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 5 }));
const step = fc.record({
  act: fc.constantFrom("invite", "accept", "change", "transfer", "remove", "leave"),
  by: person,
  to: person,
  role: fc.constantFrom("owner", "admin", "member", "clerk"),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A life in which each thing that can give somebody a permission does. */
const GAINS: Step[] = [
  { act: "invite", by: 0, to: 3, role: "admin" },
  { act: "accept", by: 0, to: 0, role: "member" },
  { act: "change", by: 0, to: 1, role: "owner" },
  { act: "transfer", by: 1, to: 3, role: "member" },
];

/** An owner, an admin, a clerk, and three who are not in the tenant. */
async function scene(db: pg.ClientBase): Promise<Scene> {
  const { acme: tenantId, alice, bob } = await createCast(db);
  const ids = [alice, bob];
  for (const name of ["carol", "dave", "eve", "frank"]) ids.push(await signUpVerified(db, name));
  await db.query("update app_public.users set is_email_verified = true");
  // The founder's own role: may do much that an admin may not, and something that no owner may.
  await db.query("insert into app_public.roles values ('clerk', 'Clerk', 9)");
  await db.query(`insert into app_public.role_permissions select 'clerk', unnest($1::text[])`, [
    ["members.read", "members.invite", "members.change_role", "tenant.transfer", "clerk.only"],
  ]);
  await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [bob]);
  await db.query(
    "insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'clerk')",
    [tenantId, ids[2]],
  );
  await db.query(
    "insert into app_private.feature_overrides (tenant_id, feature_key, quota) values ($1, 'seats', $2)",
    [tenantId, SEATS],
  );
  return { tenantId, ids, tokens: new Map() };
}

async function membersOf(db: pg.ClientBase, tenantId: string): Promise<Map<string, Member>> {
  const rows = await rowsOf<Member>(
    db,
    `select memberships.user_id, memberships.role, array_agg(role_permissions.permission) as permissions
    from app_public.memberships
    join app_public.role_permissions on role_permissions.role_key = memberships.role
    where memberships.tenant_id = $1
    group by memberships.user_id, memberships.role`,
    [tenantId],
  );
  return new Map(rows.map((row) => [row.user_id, row]));
}

/** Does one thing as one person, and says who vouches for what anybody gains by it. */
async function take(
  db: pg.ClientBase,
  { tenantId, ids, tokens }: Scene,
  { act, by, to, role }: Step,
): Promise<string> {
  const [self = "", other = ""] = [ids[by], ids[to]];
  const who = { userId: self, tenantId };
  if (act === "accept") {
    // Whoever has an invitation, so that it happens often enough.
    const [userId = self, invitation] = [...tokens][by % Math.max(tokens.size, 1)] ?? [];
    await attempt(db, { userId }, "accept_invitation($1)", [invitation?.token ?? "none"]);
    return invitation?.inviter ?? self;
  }
  if (act === "invite") {
    const token = await invitationTo(db, who, other, role);
    if (token !== undefined) tokens.set(other, { token, inviter: self });
  }
  if (act === "change") await attempt(db, who, "change_member_role($1, $2)", [other, role]);
  if (act === "transfer") await attempt(db, who, "transfer_ownership($1)", [other]);
  if (act === "remove") await attempt(db, who, "remove_member($1)", [other]);
  if (act === "leave") await attempt(db, who, "leave_tenant()");
  return self;
}

/** The token of an invitation, unless it is refused. */
async function invitationTo(
  db: pg.ClientBase,
  who: { userId: string; tenantId: string },
  userId: string,
  role: string,
): Promise<string | undefined> {
  const { email } = await rowOf<{ email: string }>(
    db,
    "select email from app_public.users where id = $1",
    [userId],
  );
  const made = invite(db, who, email, role);
  const id = await made.catch(() => undefined);
  return id === undefined ? undefined : tokenOf(db, who.tenantId, id);
}

test("a tenant keeps an owner and its seats, and nobody has what no holder gave them", async ({
  db,
}) => {
  const start = await scene(db);
  const gained = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 16 }), (steps) =>
      undone(db, async () => {
        const now = { ...start, tokens: new Map() };
        let before = await membersOf(db, now.tenantId);
        for (const one of steps) {
          const voucher = before.get(await take(db, now, one));
          const after = await membersOf(db, now.tenantId);
          expect([...after.values()].map(({ role }) => role)).toContain("owner");
          expect(after.size).toBeLessThanOrEqual(SEATS);
          for (const { user_id, permissions } of after.values()) {
            const had = new Set(before.get(user_id)?.permissions);
            const isNew = permissions.filter((permission) => !had.has(permission));
            if (isNew.length === 0) continue;
            expect(voucher?.permissions).toEqual(expect.arrayContaining(isNew));
            expect(voucher?.user_id).not.toBe(user_id);
            gained.add(one.act);
          }
          before = after;
        }
      }),
    ),
    { numRuns: 25, examples: [[GAINS]] },
  );
  // Else it could have proved nothing.
  expect([...gained].toSorted()).toEqual(["accept", "change", "transfer"]);
});
