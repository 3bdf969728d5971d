/** Inviting, answering and taking back at once: real connections, real commits. */
import type pg from "pg";

import { test } from "../../support/committed.ts";
import { expect, type TestDatabase } from "../../support/index.ts";
import { waitForLock } from "../../support/locks.ts";
import { invite, rolesIn, signUpVerified, tokenOf, type Asking } from "../../support/members.ts";
import { codeOf, request, rowsOf } from "../../support/query.ts";

/** Somebody new with an invitation by `inviter`, committed. */
async function invited(admin: pg.ClientBase, inviter: Required<Asking>): Promise<Invited> {
  await admin.query("begin");
  const name = `p${people++}`;
  const userId = await signUpVerified(admin, name);
  const invitation = await invite(admin, inviter, `${name}@example.com`);
  const token = await tokenOf(admin, String(inviter.tenantId), invitation);
  await admin.query("commit");
  return { name, userId, invitation, token };
}
type Invited = { name: string; userId: string; invitation: string; token: string };
let people = 0;

/** What a call as somebody comes to; it commits after `meanwhile`. */
function ask(
  database: TestDatabase,
  { userId, tenantId = null }: Asking,
  call: string,
  value: string,
  meanwhile?: () => Promise<void>,
): Promise<unknown> {
  return codeOf(
    request(database, { userId, tenantId }, async (client) => {
      await client.query(`select app_public.${call}`, [value]);
      await meanwhile?.();
    }),
  );
}

const ACCEPT = "accept_invitation($1)";
const RESEND = "resend_invitation($1)";
const REVOKE = "revoke_invitation($1)";
const INVITE = "invite_member($1)";

function count<T>(outcomes: T[], outcome: T): number {
  return outcomes.filter((one) => one === outcome).length;
}

test("of 10 acceptances at once for 3 seats, exactly 3 succeed", async ({
  database,
  admin,
  cast,
}) => {
  const alice = { userId: cast.alice, tenantId: cast.acme };
  const all: Invited[] = [];
  for (let n = 0; n < 10; n += 1) all.push(await invited(admin, alice));
  await admin.query(
    "insert into app_private.feature_overrides (tenant_id, feature_key, quota) values ($1, 'seats', 5)",
    [cast.acme],
  );
  const outcomes = await Promise.all(
    all.map(({ userId, token }) => ask(database, { userId }, ACCEPT, token)),
  );
  expect([count(outcomes, "done"), count(outcomes, "QUOTA")]).toEqual([3, 7]);
  expect(Object.keys(await rolesIn(admin, cast.acme))).toHaveLength(5);
  await admin.query("delete from app_private.feature_overrides");
});

test("of 5 invitations of one address at once, one is open", async ({ database, admin, cast }) => {
  const alice = { userId: cast.alice, tenantId: cast.acme };
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () => ask(database, alice, INVITE, "once@example.com")),
  );
  expect([count(outcomes, "done"), count(outcomes, "CNFLT")]).toEqual([1, 4]);
  const rows = "select status from app_public.invitations where email = 'once@example.com'";
  expect(await rowsOf(admin, rows)).toEqual([{ status: "open" }]);
});

test("of invitations at once, none passes the daily limit", async ({ database, admin, cast }) => {
  const mallory = { userId: cast.mallory, tenantId: cast.globex };
  await invited(admin, mallory);
  await admin.query("update app_public.invitations set sent_count = 98 where tenant_id = $1", [
    cast.globex,
  ]);
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, (_, n) => ask(database, mallory, INVITE, `${n}@example.com`)),
  );
  expect([count(outcomes, "done"), count(outcomes, "RATED")]).toEqual([2, 3]);
  await admin.query("delete from app_public.invitations where tenant_id = $1", [cast.globex]);
});

test.for([
  { first: ACCEPT, second: ACCEPT, late: "done", isIn: true },
  { first: ACCEPT, second: REVOKE, late: "INPUT", isIn: true },
  { first: REVOKE, second: ACCEPT, late: "INPUT", isIn: false },
  { first: ACCEPT, second: RESEND, late: "INPUT", isIn: true },
  { first: RESEND, second: ACCEPT, late: "INPUT", isIn: false },
  { first: RESEND, second: RESEND, late: "done", isIn: false },
  { first: "decline_invitation($1)", second: ACCEPT, late: "INPUT", isIn: false },
  { first: "remove_member($1)", second: ACCEPT, late: "INPUT", isIn: false },
  { first: "change_member_role($1, 'member')", second: ACCEPT, late: "INPUT", isIn: false },
])("$first before $second: the second is $late", async (given, { database, admin, cast }) => {
  const alice = { userId: cast.alice, tenantId: cast.acme };
  const bob = { userId: cast.bob, tenantId: cast.acme };
  await admin.query(
    `insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'admin')
    on conflict (tenant_id, user_id) do update set role = 'admin'`,
    [cast.acme, cast.bob],
  );
  const person = await invited(admin, bob);
  const run = (call: string, meanwhile?: () => Promise<void>) => {
    if (call === RESEND || call === REVOKE) {
      return ask(database, alice, call, person.invitation, meanwhile);
    }
    if (!call.includes("invitation")) return ask(database, alice, call, cast.bob, meanwhile);
    return ask(database, { userId: person.userId }, call, person.token, meanwhile);
  };
  let late: Promise<unknown> | undefined;
  const early = await run(given.first, async () => {
    late = run(given.second);
    await waitForLock(admin);
  });
  expect([early, await late]).toEqual(["done", given.late]);
  expect(person.userId in (await rolesIn(admin, cast.acme))).toBe(given.isIn);
});

test("whoever answers again while they are removed is not let in again", async ({
  database,
  admin,
  cast,
}) => {
  const alice = { userId: cast.alice, tenantId: cast.acme };
  const { userId, token } = await invited(admin, alice);
  expect(await ask(database, { userId }, ACCEPT, token)).toBe("done");

  let again: Promise<unknown> | undefined;
  const removed = await ask(database, alice, "remove_member($1)", userId, async () => {
    again = ask(database, { userId }, ACCEPT, token);
    await Promise.race([again, waitForLock(admin)]);
  });
  await again;
  expect(removed).toBe("done");
  expect(await rolesIn(admin, cast.acme)).not.toHaveProperty(userId);
});

test("whatever is done at once, nothing waits for itself and an owner is left", async ({
  database,
  admin,
  cast,
}) => {
  const alice = { userId: cast.alice, tenantId: cast.acme };
  const bob = { userId: cast.bob, tenantId: cast.acme };
  await admin.query(
    `insert into app_public.memberships (tenant_id, user_id, role) values ($1, $2, 'owner')
    on conflict (tenant_id, user_id) do update set role = 'owner'`,
    [cast.acme, cast.bob],
  );
  const all = [await invited(admin, alice), await invited(admin, bob), await invited(admin, alice)];
  const outcomes = await Promise.all([
    ...all.flatMap(({ userId, invitation, token, name }) => [
      ask(database, { userId }, ACCEPT, token),
      ask(database, alice, RESEND, invitation),
      ask(database, bob, REVOKE, invitation),
      ask(database, bob, INVITE, `${name}@example.com`),
    ]),
    ask(database, alice, "change_member_role($1, 'admin')", cast.bob),
    ask(database, bob, "remove_member($1)", cast.alice),
  ]);
  expect(outcomes).not.toContain("40P01");
  expect(outcomes).not.toContain("55P03");
  expect(Object.values(await rolesIn(admin, cast.acme))).toContain("owner");
});
