import { randomUUID } from "node:crypto";

import { Logger, runOnce } from "graphile-worker";

import { makeTaskList } from "../../tasks/index.ts";
import { MailRefusedError, type Mail } from "../../tasks/mail/mail.ts";
import { asIdentity, expect, withClient } from "../support/index.ts";
import { rowOf, rowsOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const LINK = "https://api.example.com/api/auth/verify-email?token=secret-of-the-link";

/** Somebody new, for whom a mail is booked. */
async function bookMail({ database }: Workshop): Promise<{ id: string; email: string }> {
  const email = `${randomUUID()}@example.com`;
  return withClient(database.urls.superuser, async (client) => {
    await client.query("begin");
    const user = await asIdentity(client, async () => {
      const made = await rowOf<{ id: string; email: string }>(
        client,
        "insert into auth.users (email, name) values ($1, 'Ada') returning id, email",
        [email],
      );
      await client.query("select app_private.enqueue_identity_mail('verify_email', $1, $2)", [
        made.id,
        LINK,
      ]);
      return made;
    });
    await client.query("commit");
    return user;
  });
}

const asSuperuser = ({ database }: Workshop, sql: string, values: unknown[] = []) =>
  withClient(database.urls.superuser, (client) => rowsOf(client, sql, values));

const MAIL_JOBS =
  "select 1 as job from graphile_worker._private_jobs where key like 'identity_mail:%'";

test("the mail goes to the address that the person has when it is sent", async ({ workshop }) => {
  const { id } = await bookMail(workshop);
  await asSuperuser(workshop, "update auth.users set email = 'moved@example.com' where id = $1", [
    id,
  ]);
  await workshop.settle();
  expect(workshop.mails.splice(0)).toEqual([
    {
      to: "moved@example.com",
      key: expect.stringMatching(/^job\.\d+\.0\.\w+$/),
      subject: "Verify your e-mail address",
      text: expect.stringContaining(LINK),
      html: expect.stringContaining(LINK),
    },
  ]);
  expect(await asSuperuser(workshop, MAIL_JOBS)).toEqual([]);
});

test("a failure of the moment is tried again, as the same mail", async ({ workshop }) => {
  const { email } = await bookMail(workshop);
  const tried: Mail[] = [];
  const mailer = {
    async send(mail: Mail) {
      tried.push(mail);
      if (tried.length < 3) throw new Error("The mail server did not take the mail: ETIMEDOUT");
    },
  };
  await workshop.settle({ mailer });
  expect(tried.map(({ to }) => to)).toEqual([email, email, email]);
  expect(new Set(tried.map(({ key }) => key)).size).toBe(1);
});

test("what is refused for good is not tried again, and the log says whose job it was", async ({
  workshop,
}) => {
  const { email } = await bookMail(workshop);
  let tries = 0;
  const mailer = {
    async send() {
      tries += 1;
      throw new MailRefusedError("The mail server did not take the mail: the answer 550");
    },
  };
  const lines: string[] = [];
  const logger = new Logger(() => (level, message, meta) => {
    lines.push(`${level} ${message} ${JSON.stringify({ error: undefined, ...meta }.error)}`);
  });
  const taskList = makeTaskList({ ...workshop.options, mailer });
  await runOnce({ pgPool: workshop.pool, taskList, logger, noHandleSignals: true });
  expect(tries).toBe(1);
  expect(await asSuperuser(workshop, MAIL_JOBS)).toEqual([]);
  const log = lines.join("\n");
  expect(log).toMatch(/^error The mail of job \d+ is given up\. .* 550/m);
  expect(log).not.toContain(email);
  expect(log).not.toContain("secret-of-the-link");
});

test("somebody who is gone gets no mail", async ({ workshop }) => {
  const { id } = await bookMail(workshop);
  await asSuperuser(workshop, "delete from app_public.users where id = $1", [id]);
  await workshop.settle();
  expect(workshop.mails.splice(0)).toEqual([]);
});
