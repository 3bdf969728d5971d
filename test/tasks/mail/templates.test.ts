import { html } from "../../../tasks/mail/markup.ts";
import { invitation, resetPassword, verifyEmail } from "../../../tasks/mail/templates.ts";
import { expect, test } from "../../support/index.ts";

const LINK = { url: "https://api.example.com/x?token=a&b=c", appUrl: "https://app.example.com" };
const INVITATION = {
  ...LINK,
  tenantName: "Acme",
  inviterName: "Alice",
  roleName: "Member",
  expiresAt: new Date("2026-12-01T10:30:00Z"),
};

const LETTERS = {
  verifyEmail: verifyEmail(LINK),
  resetPassword: resetPassword(LINK),
  invitation: invitation(INVITATION),
};

test.for(Object.entries(LETTERS))("%s says the same in both forms, with one link", ([, letter]) => {
  expect(letter.text.match(/https?:\S+/g)).toEqual([LINK.url]);
  expect(letter.html.match(/href="[^"]*"/g)).toEqual([`href="${LINK.url.replace("&", "&amp;")}"`]);
  const sentences = letter.text.split("\n\n").filter((part) => !part.startsWith("http"));
  for (const sentence of sentences) {
    expect(letter.html).toContain(sentence.trim().replaceAll("'", "&#39;"));
  }
  expect(letter.text).toContain("app.example.com");
});

test("an invitation names the tenant, who invites, the role and the end", () => {
  const { subject, text } = LETTERS.invitation;
  expect(subject).toBe("Alice invites you to Acme");
  expect(text).toContain("Alice invites you to join Acme at app.example.com with the role Member.");
  expect(text).toContain("good until 1 December 2026 at 10:30 UTC");
});

test("a name is text, one line and short, wherever it is repeated", () => {
  const nasty = `<img src=x onerror="alert('1')">&\r\nBcc: eve@example.com\u2028\u202eevil\u0000`;
  const letter = invitation({
    ...INVITATION,
    tenantName: nasty,
    inviterName: `A${"é".repeat(200)}`,
  });
  expect(letter.html).not.toContain("<img");
  expect(letter.html).toContain(
    "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp; Bcc:",
  );
  for (const character of "\r\n\u2028\u202e\0") expect(letter.subject).not.toContain(character);
  expect(letter.text.split("\n\n")).toHaveLength(3);
  expect(letter.text).toContain(`A${"é".repeat(78)}… invites`);
});

test("a mail to an unproven address repeats nothing that a stranger wrote", () => {
  // The types let no name in; this is what the templates are given.
  expect(Object.keys(LINK)).toEqual(["url", "appUrl"]);
  expect(LETTERS.verifyEmail.text).toMatch(/^Somebody, we hope you,/);
});

test("html escapes texts and takes pieces of HTML as they are", () => {
  const items = ["<a>", "&"].map((item) => html`<i>${item}</i>`);
  expect(html`<b title="${`"'`}">${items}${html`<hr />`}</b>`.markup).toBe(
    '<b title="&quot;&#39;"><i>&lt;a&gt;</i><i>&amp;</i><hr /></b>',
  );
});
