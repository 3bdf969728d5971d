import { html } from "../../../tasks/mail/markup.ts";
import {
  paymentFailed,
  reactivated,
  suspended,
  trialWillEnd,
} from "../../../tasks/mail/billing_templates.ts";
import { moneyOf } from "../../../tasks/mail/money.ts";
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

const PAYMENT = {
  ...LINK,
  tenantName: "Acme",
  amount: 4900,
  currency: "usd",
  invoiceNumber: "ACME-0001",
  nextAttemptAt: new Date("2026-12-02T08:00:00Z"),
  graceEndsAt: new Date("2026-12-09T10:30:00Z"),
};

const LETTERS = {
  verifyEmail: verifyEmail(LINK),
  resetPassword: resetPassword(LINK),
  invitation: invitation(INVITATION),
  paymentFailed: paymentFailed(PAYMENT),
  trialWillEnd: trialWillEnd({
    ...LINK,
    tenantName: "Acme",
    planName: "Pro",
    trialEndsAt: new Date("2026-12-01T10:30:00Z"),
  }),
  suspended: suspended({
    ...LINK,
    tenantName: "Acme",
    reason: "grace_ended",
    since: new Date("2026-12-09T10:30:00Z"),
  }),
  reactivated: reactivated({ ...LINK, tenantName: "Acme" }),
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

test("a failed payment is told with its amount, its invoice, the grace and the next attempt", () => {
  const { subject, text } = LETTERS.paymentFailed;
  expect(subject).toBe("The payment for Acme failed");
  expect(text).toContain(
    "USD 49.00 for Acme at app.example.com (invoice ACME-0001). Everything goes on working until 9 December 2026 at 10:30 UTC",
  );
  expect(text).toContain("tried again on 2 December 2026 at 08:00 UTC");
  const last = paymentFailed({ ...PAYMENT, nextAttemptAt: null, graceEndsAt: null });
  expect(last.text).toContain("not tried again by itself");
  expect(last.text).not.toContain("until");
});

test("a trial's end and a suspension say when, and why", () => {
  expect(LETTERS.trialWillEnd.text).toContain("ends on 1 December 2026 at 10:30 UTC");
  expect(LETTERS.trialWillEnd.text).toContain("the plan Pro is paid for");
  expect(LETTERS.suspended.text).toContain(
    "suspended since 9 December 2026 at 10:30 UTC, because a payment is overdue",
  );
});

test.for([
  [4900, "usd", "USD 49.00"],
  [4900, "jpy", "JPY 4,900"],
  [4900, "kwd", "KWD 4.900"],
  [500, "isk", "ISK 5.00"],
] as const)("%i in the smallest unit of %s is %s", ([amount, currency, text]) => {
  expect(moneyOf(amount, currency)).toBe(text);
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
