import { setDefaultCACertificates, getCACertificates } from "node:tls";
import { inspect } from "node:util";

import { makeMailer } from "../../../tasks/mail/mailer.ts";
import { MailRefusedError, type Mail } from "../../../tasks/mail/mail.ts";
import type { SmtpServer } from "../../../server/mail_config.ts";
import { selfSigned } from "../../support/certificate.ts";
import { describe, expect, test } from "../../support/index.ts";
import { startSmtpServer } from "../../support/smtp_server.ts";

const MAIL: Mail = {
  to: "ada@example.com",
  key: "job.1.0.x",
  subject: "Grüße",
  text: "Plain words",
  html: "<p>Marked up</p>",
};

const mailerTo = (port: number, server: Partial<SmtpServer> = {}) =>
  makeMailer({
    from: { name: "Row House", address: "house@mail.example.com" },
    destination: {
      smtp: { host: "127.0.0.1", port, isSecure: false, credentials: undefined, ...server },
    },
  });

const failure = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error("It was sent"),
    (error: unknown) => error as Error,
  );

test("a mail arrives whole, named after its job, in both forms", async () => {
  await using server = await startSmtpServer();
  await mailerTo(server.port).send(MAIL);
  expect(server.received).toEqual([
    {
      from: "house@mail.example.com",
      to: ["ada@example.com"],
      headers: expect.stringContaining("Message-ID: <job.1.0.x@mail.example.com>"),
      body: expect.stringMatching(/Plain words[^]*<p>Marked up<\/p>/),
    },
  ]);
  const { headers = "" } = server.received[0] ?? {};
  expect(headers).toContain("From: Row House <house@mail.example.com>");
  expect(headers).toContain("To: ada@example.com");
  expect(headers).toContain("Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=");
});

test("a subject can't hold a header, nor a body a command", async () => {
  await using server = await startSmtpServer();
  const subject = "Hi\r\nBcc: eve@example.com\r\n\r\n<script>";
  await mailerTo(server.port).send({ ...MAIL, subject, text: "a\r\n.\r\nRCPT TO:<eve@x.io>" });
  expect(server.received).toHaveLength(1);
  const [mail] = server.received;
  expect(mail?.to).toEqual(["ada@example.com"]);
  expect(mail?.headers).not.toMatch(/^(Bcc|<script)/im);
});

test.for([
  "ada@example.com\r\nRCPT TO:<eve@example.com>",
  "ada@example.com, eve@example.com",
  "Ada <ada@example.com>",
  "ada@example.com>\r\nDATA",
  '"ada, eve"@example.com',
  "ada",
  "",
])("%o is no address, and no server hears of it", async (to) => {
  await using server = await startSmtpServer();
  expect(await failure(mailerTo(server.port).send({ ...MAIL, to }))).toBeInstanceOf(
    MailRefusedError,
  );
  expect(server.commands).toEqual([]);
});

describe("a mail that is not taken", () => {
  test.for([
    [{ RCPT: "550 5.1.1 <ada@example.com>: no such user" }],
    [{ RCPT: "553 5.1.3 bad address" }],
    [{ DATA: "554 5.7.1 no" }],
    [{ END: "552 5.3.4 too big" }],
  ] as const)("because of itself is given up: %o", async ([answers]) => {
    await using server = await startSmtpServer(answers);
    expect(await failure(mailerTo(server.port).send(MAIL))).toBeInstanceOf(MailRefusedError);
  });

  test.for([
    [{ RCPT: "451 4.7.1 greylisted, <ada@example.com>" }],
    [{ END: "450 4.3.0 later" }],
    [{ GREETING: "554 5.7.1 go away" }],
    [{ MAIL: "550 5.7.1 house@mail.example.com may not send" }],
    [{ MAIL: "530 5.7.0 sign in first" }],
    [{ RCPT: "421 4.3.2 shutting down" }],
  ] as const)("because of the moment or of us is tried again: %o", async ([answers]) => {
    await using server = await startSmtpServer(answers);
    const error = await failure(mailerTo(server.port).send(MAIL));
    expect(error).not.toBeInstanceOf(MailRefusedError);
    expect(error.message).toMatch(/^The mail server did not take the mail: /);
  });

  test("because nobody listens is tried again", async () => {
    const { port } = await startSmtpServer().then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    const error = await failure(mailerTo(port).send(MAIL));
    expect(error).not.toBeInstanceOf(MailRefusedError);
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("leaves no address in the error", async () => {
    for (const RCPT of ["550 <ada@example.com> unknown", "451 <ada@example.com> later"]) {
      await using server = await startSmtpServer({ RCPT });
      const error = await failure(mailerTo(server.port).send(MAIL));
      expect(inspect(error, { showHidden: true })).not.toContain("ada@");
      expect(error.cause).toBeUndefined();
    }
  });
});

describe("TLS", () => {
  const credentials = { user: "house", pass: "hunter2" };

  test("is needed before a password leaves", async () => {
    await using server = await startSmtpServer({
      EHLO: "250-stand-in\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
    });
    const error = await failure(mailerTo(server.port, { credentials }).send(MAIL));
    expect(error.message).not.toContain("It was sent");
    expect(server.commands.filter((line) => /AUTH|MAIL/.test(line))).toEqual([]);
    expect(server.received).toEqual([]);
  });

  test("is with a server that can prove its name, or not at all", async () => {
    const certificate = selfSigned();
    const EHLO = "250-stand-in\r\n250-AUTH PLAIN\r\n250 8BITMIME";
    await using server = await startSmtpServer({ EHLO }, certificate);
    const mailer = (host: string) => mailerTo(server.port, { host, isSecure: true, credentials });
    expect((await failure(mailer("localhost").send(MAIL))).message).toMatch(/SELF_SIGNED/);
    expect(server.commands).toEqual([]);

    const known = getCACertificates("default");
    setDefaultCACertificates([...known, certificate.cert]);
    try {
      await mailer("localhost").send(MAIL);
      expect(server.received).toHaveLength(1);
      const elsewhere = await failure(mailer("127.0.0.1").send(MAIL));
      expect(elsewhere.message).toMatch(/ALTNAME/);
      expect(server.received).toHaveLength(1);
    } finally {
      setDefaultCACertificates(known);
    }
  });
});
