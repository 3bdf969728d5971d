/** Whatever people do to a tenant's people, in whatever order, what must hold of them holds. */
import fc from "fast-check";
import type pg from "pg";

import { asUser, expect, test } from "../../support/index.ts";
import { attempt, createTeam, signUpVerified, tokenOf, type Team } from "../../support/members.ts";
import { codeOf, rowOf, rowsOf, undone } from "../../support/query.ts";

const SEATS = 4;
/** Beside ours, a founder's own: it may change people, and has one permission that no admin has. */
const ROLES = ["owner", "admin", "member", "clerk"];

const person = fc.nat({ max: 5 });
const step = fc.record({
  act: fc.constantFrom("invite", "accept", "change", "transfer", "remove", "leave", "resend"),
  by: person,
  to: person,
  role: fc.constantFrom(...ROLES),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

type People = { tenantId: string; ids: string[]; tokens: Map<number, string> };

async function run(
  db: pg.ClientBase,
  { tenantId, ids, tokens }: People,
  { act, by, to, role }: Step,
): Promise<unknown> {
  const [userId = "", other = ""] = [ids[by], ids[to]];
  const who = { userId, tenantId };
  if (act === "change") return attempt(db, who, "change_member_role($1, $2)", [other, role]);
  if (act === "transfer") return attempt(db, who, "transfer_ownership($1)", [other]);
  if (act === "remove") return attempt(db, who, "remove_member($1)", [other]);
  if (act === "leave") return attempt(db, who, "leave_tenant()");
  if (act === "accept") return attempt(db, { userId }, "accept_invitation($1)", [tokens.get(by)]);
  const open = `select id from app_public.invitations join app_public.users using (email)
    where status = 'open' and users.id = $1`;
  const sent = asUser(db, who, async () => {
    if (act === "invite") {
      await db.query("select app_public.invite_member($1 || '@example.com', $2)", [`p${to}`, role]);
    } else {
      const [invitation] = await rowsOf(db, open.replace("email)", "id)"), [other]);
      await db.query("select app_public.resend_invitation($1)", [invitation?.["id"] ?? null]);
    }
  });
  return codeOf(sent);
}
