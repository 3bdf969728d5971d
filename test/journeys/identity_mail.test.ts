/** What only a mailbox's owner can do: prove an address, and get back in without the password. */
import { accessToken, graphql, post, signUp } from "../support/client.ts";
import { linkIn, mailTo, outbox } from "../support/outbox.ts";
import { describe, expect, test } from "../support/running_system.ts";
import { waitUntil } from "../support/wait_until.ts";

const OLD = "correct horse battery";
const NEW = "incorrect horse battery";

const VERIFY = /^Verify your e-mail address$/;
const RESET = /^Set a new password$/;

describe("an address", () => {
  test("is verified by the link in the mail that signing up sends, and by no other", async ({
    running: { url },
  }) => {
    const ada = await signUp(url, "Ada");
    expect(await isVerified(url, ada)).toBe(false);
    const link = linkIn(await mailTo(url, ada.email, VERIFY));

    const forged = await follow(
      link.replace(/token=[^&]*/, (token) => `${token.slice(0, -4)}AAAA`),
    );
    expect(new URL(forged.location).searchParams.get("error")).toBe("INVALID_TOKEN");
    expect(await isVerified(url, ada)).toBe(false);

    const followed = await follow(link);
    expect(followed).toMatchObject({ status: 302, location: `${url}/` });
    expect(await isVerified(url, ada)).toBe(true);
    // The same link does not sign in a second time: it may lie about in a mailbox.
    expect(followed.cookies).toHaveLength(1);
    expect((await follow(link)).cookies).toEqual([]);
  });

  test("gets another mail when asked for, with the page to go on to", async ({
    running: { url },
  }) => {
    const ada = await signUp(url, "Ada");
    const first = await mailTo(url, ada.email, VERIFY);
    const asked = await post(
      `${url}/api/auth/send-verification-email`,
      { email: ada.email, callbackURL: "/welcome" },
      { authorization: `Bearer ${ada.session}` },
    );
    expect(asked.status).toBe(200);
    const second = await waitUntil(async () => {
      const newest = await mailTo(url, ada.email, VERIFY);
      return newest.id === first.id ? undefined : newest;
    });
    expect((await follow(linkIn(second))).location).toBe(`${url}/welcome`);
    expect(await isVerified(url, ada)).toBe(true);
  });

  test("no page of a stranger's can be what a link leads on to", async ({ running: { url } }) => {
    const ada = await signUp(url, "Ada");
    const link = new URL(linkIn(await mailTo(url, ada.email, VERIFY)));
    for (const page of ["https://evil.example.com/", "//evil.example.com", "/\\evil.example.com"]) {
      link.searchParams.set("callbackURL", page);
      expect(await follow(link.href), page).toMatchObject({ status: 403, location: "" });
    }
    expect(await isVerified(url, ada)).toBe(false);
  });
});

test("a forgotten password is replaced by mail: the new one works once, the old one and all sessions are gone", async ({
  running: { url },
}) => {
  const { email, session } = await signUp(url, "Ada");
  const signIn = async (password: string) =>
    (await post(`${url}/api/auth/sign-in/email`, { email, password })).status;
  expect(await signIn(OLD)).toBe(200);
  expect((await post(`${url}/api/auth/request-password-reset`, { email })).status).toBe(200);

  const { status, location } = await follow(linkIn(await mailTo(url, email, RESET)));
  expect(status).toBe(302);
  expect(location).toMatch(`${url}/reset-password?token=`);
  const token = new URL(location).searchParams.get("token");
  const reset = (newPassword: string) =>
    post(`${url}/api/auth/reset-password`, { newPassword, token });
  expect((await reset(NEW)).status).toBe(200);

  expect([await signIn(OLD), await signIn(NEW)]).toEqual([401, 200]);
  expect((await reset(OLD)).status).toBe(400);
  const stale = await post(`${url}/auth/token`, {}, { authorization: `Bearer ${session}` });
  expect(stale.status).toBe(401);
});

test("an address that nobody signed up with is answered as any other, and gets no mail", async ({
  running: { url },
}) => {
  const ada = await signUp(url, "Ada");
  const nobody = `nobody-${ada.email}`;
  const answers = [];
  for (const email of [nobody, ada.email]) {
    answers.push((await post(`${url}/api/auth/request-password-reset`, { email })).body);
  }
  expect(answers[0]).toEqual(answers[1]);
  await mailTo(url, ada.email, RESET);
  expect((await outbox(url)).filter(({ to }) => to === nobody)).toEqual([]);
});

async function isVerified(url: string, person: { session: string }): Promise<unknown> {
  const token = await accessToken(url, person);
  const { data } = await graphql(url, token, "{ currentUser { isEmailVerified } }");
  return (data as { currentUser: { isEmailVerified: boolean } }).currentUser.isEmailVerified;
}

async function follow(link: string) {
  const { status, headers } = await fetch(link, { redirect: "manual" });
  return { status, location: headers.get("location") ?? "", cookies: headers.getSetCookie() };
}
