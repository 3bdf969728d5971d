import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { keepMail, type KeptMail } from "../../tasks/mail/outbox.ts";
import { expect, test as base } from "../support/index.ts";
import { withSystem } from "../support/system.ts";

const MAIL: Omit<KeptMail, "id" | "sentAt"> = {
  from: "Rowhouse <house@example.com>",
  to: "ada@example.com",
  subject: "First",
  text: "Follow https://api.example.com/x?a=1&b=2 now",
  html: "<script>alert(1)</script>",
  messageId: "<job.1@example.com>",
};

type Shown = { url: string; directory: string };

/** A server with an outbox of its own. */
const test = base.extend<{ $file: { shown: Shown } }>({
  shown: [
    async ({ database }, use) => {
      const directory = await mkdtemp(join(tmpdir(), "rowhouse-outbox-"));
      await keepMail(directory, MAIL);
      await keepMail(directory, { ...MAIL, subject: '<b onclick="x">Second</b>', to: `<'"@x.io` });
      const config = { outboxDirectory: directory };
      await withSystem(database, { worker: false, config }, ({ url }) => use({ url, directory }));
      await rm(directory, { recursive: true });
    },
    { scope: "file" },
  ],
});

test("the outbox is a page: newest first, links to click, and nothing of it runs", async ({
  shown: { url },
}) => {
  const response = await fetch(`${url}/outbox`, { headers: { accept: "text/html,*/*" } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("content-security-policy")).toBe(
    "default-src 'none'; style-src 'unsafe-inline'",
  );
  const page = await response.text();
  expect(page).toContain(
    '<a href="https://api.example.com/x?a=1&amp;b=2" rel="noreferrer">https://api.example.com/x?a=1&amp;b=2</a> now',
  );
  expect(page).toContain("&lt;b onclick=&quot;x&quot;&gt;Second&lt;/b&gt;");
  expect(page).not.toMatch(/<script|<b onclick/);
  expect(page.indexOf("Second")).toBeLessThan(page.indexOf("First"));
});

test.for([
  ["/outbox?format=json", "text/html"],
  ["/outbox", "application/json"],
] as const)("the outbox is JSON at %s for who accepts %s", async ([path, accept], { shown }) => {
  const response = await fetch(`${shown.url}${path}`, { headers: { accept } });
  const mails = (await response.json()) as KeptMail[];
  expect(mails.map(({ id, sentAt, ...mail }) => [typeof id, typeof sentAt, mail.subject])).toEqual([
    ["string", "string", '<b onclick="x">Second</b>'],
    ["string", "string", "First"],
  ]);
  expect(mails[1]).toMatchObject(MAIL);
});

test("no other origin's page may read the outbox", async ({ shown: { url } }) => {
  const response = await fetch(`${url}/outbox`, {
    headers: { origin: "https://app.example.com", accept: "application/json" },
  });
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
});

test("nor may a page whose name was made to lead here", async ({ shown: { url } }) => {
  const asked = async (host: string) => {
    const request = get(`${url}/outbox`, { headers: { host, accept: "application/json" } });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  };
  const { port } = new URL(url);
  const refused = await asked(`evil.example:${port}`);
  expect(refused.status).toBe(403);
  expect(refused.body).not.toContain("ada@example.com");
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
    expect(await asked(host)).toMatchObject({
      status: 200,
      body: expect.stringContaining("ada@example.com"),
    });
  }
});

test("where mails are really sent there is no outbox", async ({ database }) => {
  const config = { outboxDirectory: undefined };
  await withSystem(database, { worker: false, config }, async ({ url }) => {
    expect((await fetch(`${url}/outbox`)).status).toBe(404);
  });
});
