/** How a tenant gets its second member: by a mail, and by nobody but whom it was sent to. */
import { accessToken, graphql, signUp, type Person } from "../support/client.ts";
import { linkIn, mailTo } from "../support/outbox.ts";
import { expect, test } from "../support/running_system.ts";
import { codesOf, foundPaidTenant, textAt } from "../support/tenant_life.ts";
import { waitUntil } from "../support/wait_until.ts";

const INVITE = `mutation ($email: String!) {
  inviteMember(input: { email: $email, role: "admin" }) { invitation { rowId status } }
}`;
const RESEND = `mutation ($id: UUID!) {
  resendInvitation(input: { invitationId: $id }) { invitation { status } }
}`;
const ACCEPT = `mutation ($token: String!) {
  acceptInvitation(input: { token: $token }) { tenant { rowId } }
}`;

test("an invitation is accepted by the owner of its address, once verified, with its newest link", async ({
  running,
}) => {
  const { url } = running;
  const alice = await foundPaidTenant(running, { name: "Acme <&> Sons", person: "Alice" });
  const bob = await signUp(url, "Bob");
  const accept = async (person: Person, link: string) =>
    graphql(url, await accessToken(url, person), ACCEPT, { token: link.split("/").at(-1) });

  const invited = await alice.ask(INVITE, { email: bob.email });
  const id = textAt(invited.data, "inviteMember", "invitation", "rowId");
  const first = linkIn(await mailTo(url, bob.email, /^Alice invites you to Acme <&> Sons$/));
  expect(first).toMatch(/\/invitations\/[\w-]{43}$/);

  expect(codesOf(await accept(bob, first))).toEqual(["FORBIDDEN"]);
  await fetch(linkIn(await mailTo(url, bob.email, /^Verify/)), { redirect: "manual" });
  expect(codesOf(await accept(await signUp(url, "Mallory"), first))).toEqual(["FORBIDDEN"]);

  expect((await alice.ask(RESEND, { id })).errors).toEqual([]);
  const second = await linkAfter(url, bob, first);
  expect(codesOf(await accept(bob, first))).toEqual(["BAD_USER_INPUT"]);
  expect((await accept(bob, second)).data).toEqual({
    acceptInvitation: { tenant: { rowId: alice.tenantId } },
  });
  const token = await accessToken(url, bob, alice.tenantId);
  const { data } = await graphql(url, token, "{ currentTenant { name } }");
  expect(data).toEqual({ currentTenant: { name: "Acme <&> Sons" } });
});

/** The link of the mail that came after the one with `known`. */
async function linkAfter(url: string, { email }: Person, known: string): Promise<string> {
  return waitUntil(async () => {
    const link = linkIn(await mailTo(url, email, / invites you to /));
    return link === known ? undefined : link;
  });
}
