import { createHash } from "node:crypto";

import { createCast, expect, withClient, type Cast } from "../support/index.ts";
import { codeOf, request, rowOf, rowsOf } from "../support/query.ts";
import { test as base, type Workshop } from "../support/tasks.ts";
import type { Mail } from "../../tasks/mail/mail.ts";

/** The file's people, committed; alice owns acme, mallory has nothing to do with it. */
const test = base.extend<{ $file: { cast: Cast } }>({
  cast: [
    async ({ workshop }, use) => {
      const cast = await withClient(workshop.database.urls.superuser, async (client) => {
        await client.query("begin");
        const made = await createCast(client);
        // Both tenants are open by decree; Stripe would say that nobody has paid.
        await client.query("delete from graphile_worker._private_jobs");
        await client.query("commit");
        return made;
      });
      await use(cast);
    },
    { scope: "file" },
  ],
});

const INVITE = "select id from app_public.invite_member($1, 'member')";
const ACCEPT = "select id from app_public.accept_invitation($1)";

const invite = ({ database }: Workshop, { alice, acme }: Cast, email: string) =>
  request(database, { userId: alice, tenantId: acme }, (client) =>
    rowOf<{ id: string }>(client, INVITE, [email]),
  );

const accept = ({ database }: Workshop, userId: string, token: string) =>
  request(database, { userId, tenantId: null }, (client) => client.query(ACCEPT, [token]));

function tokenIn(mail: Mail | undefined): string {
  return /app\.example\.com\/invitations\/([\w-]{43})$/m.exec(mail?.text ?? "")?.[1] ?? "";
}

test("an invitation's link opens it for the invited address alone, and only its hash is stored", async ({
  workshop,
  cast,
}) => {
  const { id } = await invite(workshop, cast, "mallory@example.com");
  await workshop.settle();
  const [mail, ...others] = workshop.mails.splice(0);
  expect(others).toEqual([]);
  expect(mail).toMatchObject({
    to: "mallory@example.com",
    subject: "alice invites you to Acme",
    text: expect.stringMatching(/good until \d+ \w+ 20\d\d at \d\d:\d\d UTC/),
  });
  const token = tokenIn(mail);
  const kept = await withClient(workshop.database.urls.superuser, (client) =>
    rowsOf(
      client,
      "select token_hash from app_private.invitation_tokens where invitation_id = $1",
      [id],
    ),
  );
  expect(kept).toEqual([{ token_hash: createHash("sha256").update(token).digest() }]);

  expect(await codeOf(accept(workshop, cast.bob, token))).toBe("DNIED");
  expect(await codeOf(accept(workshop, cast.mallory, `${token}x`))).toBe("INPUT");
  expect(await codeOf(accept(workshop, cast.mallory, token))).toBe("done");
});

test("an invitation that was taken back before its mail left is not sent", async ({
  workshop,
  cast,
}) => {
  const { id } = await invite(workshop, cast, "late@example.com");
  await request(workshop.database, { userId: cast.alice, tenantId: cast.acme }, (client) =>
    client.query("select app_public.revoke_invitation($1)", [id]),
  );
  await workshop.settle();
  expect(workshop.mails.splice(0)).toEqual([]);
});

test("a mail that is tried again has another token, and either is good: the first may have arrived", async ({
  workshop,
  cast,
}) => {
  const { id } = await invite(workshop, cast, "twice@example.com");
  const tried: Mail[] = [];
  const mailer = {
    async send(mail: Mail) {
      tried.push(mail);
      if (tried.length === 1) throw new Error("The mail server did not take the mail: ETIMEDOUT");
    },
  };
  await workshop.settle({ mailer });
  expect(tried.map(({ key }) => key)).toEqual([tried[0]?.key, tried[0]?.key]);
  const tokens = tried.map(tokenIn);
  expect(new Set(tokens).size).toBe(2);
  const kept = await withClient(workshop.database.urls.superuser, (client) =>
    rowsOf<{ token_hash: Buffer }>(
      client,
      "select token_hash from app_private.invitation_tokens where invitation_id = $1",
      [id],
    ),
  );
  const hashes = tokens.map((token) => createHash("sha256").update(token).digest("hex"));
  expect(kept.map(({ token_hash: hash }) => hash.toString("hex")).toSorted()).toEqual(
    hashes.toSorted(),
  );
});
