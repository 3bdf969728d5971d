import { parseServerConfig, parseWorkerConfig } from "../../server/config.ts";
import { faultsOf, GOOD } from "../support/environment.ts";
import { expect, test } from "../support/index.ts";

const PRODUCTION = { ...GOOD, NODE_ENV: "production" };
const SMTP_URL = "smtps://ada%40x:p%2F%3A@mail.example.com:2465";
const MAIL_FROM = "Row House <house@example.com>";

test("mail is kept in the outbox where nothing is configured, for server and worker alike", () => {
  const ROWHOUSE_HOME = "/var/home";
  expect(parseWorkerConfig({ ...GOOD, ROWHOUSE_HOME })).toMatchObject({
    mail: {
      from: { name: "Rowhouse", address: "rowhouse@localhost" },
      destination: { outboxDirectory: "/var/home/outbox" },
    },
  });
  expect(parseServerConfig({ ...GOOD, ROWHOUSE_HOME })).toMatchObject({
    outboxDirectory: "/var/home/outbox",
  });
});

test("mail is really sent with SMTP_URL, and then the server shows no outbox", () => {
  const { mail } = parseWorkerConfig({ ...GOOD, SMTP_URL, MAIL_FROM });
  expect(mail).toEqual({
    from: { name: "Row House", address: "house@example.com" },
    destination: {
      smtp: {
        host: "mail.example.com",
        port: 2465,
        isSecure: true,
        credentials: { user: "ada@x", pass: "p/:" },
      },
    },
  });
  expect(parseServerConfig({ ...GOOD, SMTP_URL })).toMatchObject({ outboxDirectory: undefined });
  const plain = parseWorkerConfig({ ...GOOD, SMTP_URL: "smtp://[::1]" }).mail.destination;
  expect(plain).toEqual({
    smtp: { host: "::1", port: undefined, isSecure: false, credentials: undefined },
  });
});

test("mail has no outbox in production: the worker must be told where to send", () => {
  expect(faultsOf(parseWorkerConfig, PRODUCTION)).toEqual([
    "SMTP_URL is not set",
    "MAIL_FROM is not set",
  ]);
  expect(faultsOf(parseWorkerConfig, { ...PRODUCTION, SMTP_URL, MAIL_FROM })).toEqual([]);
  expect(parseServerConfig(PRODUCTION)).toMatchObject({ outboxDirectory: undefined });
});

test.for([
  ["http://localhost:4000", true],
  ["http://127.0.0.1", true],
  ["http://[::1]:4000", true],
  ["https://api.example.com", false],
  ["http://localhost.example.com", false],
  ["http://127.0.0.1.nip.io", false],
  ["http://10.0.0.1:4000", false],
] as const)("a server known as %s shows the outbox: %s", ([PUBLIC_URL, isShown]) => {
  const { outboxDirectory } = parseServerConfig({ ...GOOD, PUBLIC_URL });
  expect(outboxDirectory).toBe(isShown ? ".rowhouse/outbox" : undefined);
  // The worker still has somewhere to put them.
  expect(parseWorkerConfig({ ...GOOD, PUBLIC_URL }).mail.destination).toEqual({
    outboxDirectory: ".rowhouse/outbox",
  });
});

test.for([
  "mail.example.com",
  "http://mail.example.com",
  "smtp://",
  "smtp://user:%zz@mail.example.com",
  "smtp://mail.example.com/?tls.rejectUnauthorized=false",
  "smtps://mail.example.com#x",
])("mail goes to no server %s", (url) => {
  expect(faultsOf(parseWorkerConfig, { ...GOOD, SMTP_URL: url })).toEqual([
    expect.stringMatching(/^SMTP_URL must be /),
  ]);
});

test.for([
  "house",
  "a@x.io, b@x.io",
  "House <a@x.io> <b@x.io>",
  "House <a@x.io>, b@x.io",
  "House\nBcc: b@x.io <a@x.io>",
])("mail comes from no %o", (from) => {
  expect(faultsOf(parseWorkerConfig, { ...GOOD, MAIL_FROM: from })).toEqual([
    "MAIL_FROM must be an address, or a name and <an address>",
  ]);
});

test("links in mails lead to APP_URL, and to PUBLIC_URL where that is all there is", () => {
  const PUBLIC_URL = "https://api.example.com/";
  for (const parse of [parseServerConfig, parseWorkerConfig]) {
    expect(parse({ ...GOOD, PUBLIC_URL })).toMatchObject({ appUrl: "https://api.example.com" });
    expect(
      parse({ ...GOOD, PUBLIC_URL, APP_URL: "https://app.example.com/en/?x#y" }),
    ).toMatchObject({ appUrl: "https://app.example.com/en" });
  }
});
