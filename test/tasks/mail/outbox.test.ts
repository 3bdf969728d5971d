import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { makeMailer } from "../../../tasks/mail/mailer.ts";
import { keepMail, OUTBOX_MAX, readOutbox } from "../../../tasks/mail/outbox.ts";
import { test } from "../../support/home.ts";
import { expect } from "../../support/index.ts";

const MAIL = {
  from: "a@x.io",
  to: "b@x.io",
  subject: "Hello",
  text: "T",
  html: "<p>T</p>",
  messageId: "<job.1@x.io>",
};

test("what would be sent is kept for its owner alone, as nodemailer understood it", async ({
  quick,
}) => {
  const outboxDirectory = join(quick, "home", "outbox");
  const mailer = makeMailer({
    from: { name: "Row, House", address: "house@example.com" },
    destination: { outboxDirectory },
  });
  const { subject, text, html } = MAIL;
  await mailer.send({ to: "ada@example.com", key: "job.1", subject, text, html });

  expect(await readOutbox(outboxDirectory)).toEqual([
    {
      id: expect.stringMatching(/^\d{16}-[0-9a-f]{8}$/),
      sentAt: expect.stringMatching(/^20\d\d-.*Z$/),
      from: "Row, House <house@example.com>",
      to: "ada@example.com",
      subject,
      text,
      html,
      messageId: "<job.1@example.com>",
    },
  ]);
  const [file = ""] = await readdir(outboxDirectory);
  expect((await stat(join(outboxDirectory, file))).mode & 0o777).toBe(0o600);
  expect((await stat(outboxDirectory)).mode & 0o777).toBe(0o700);
});

test("where nothing was kept yet there is nothing", async ({ quick }) => {
  expect(await readOutbox(join(quick, "outbox"))).toEqual([]);
});

test("only so many mails are kept, the newest first", async ({ quick }) => {
  const old = Array.from({ length: OUTBOX_MAX + 2 }, (_, index) => {
    const id = `${1_600_000_000_000_000 + index}-01234567`;
    const mail = { id, sentAt: "2020-09-13T12:26:40.000Z", ...MAIL };
    return writeFile(join(quick, `${id}.json`), JSON.stringify(mail));
  });
  await Promise.all(old);
  await keepMail(quick, { ...MAIL, subject: "The newest" });

  const mails = await readOutbox(quick);
  expect(mails).toHaveLength(OUTBOX_MAX);
  expect(mails[0]?.subject).toBe("The newest");
  expect(mails.at(-1)?.id).toBe("1600000000000003-01234567");
});

test("a mail that is still being written is not read, nor is another file", async ({ quick }) => {
  await writeFile(join(quick, "1600000000000000-01234567.json.new"), "{");
  await writeFile(join(quick, "notes.json"), "{");
  expect(await readOutbox(quick)).toEqual([]);
});
