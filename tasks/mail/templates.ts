/** The mails that Rowhouse sends. Each is one sentence and one link; plain text says all of it. */
import type { Letter } from "./mail.ts";
import { html } from "./markup.ts";

/** `url`: where the link leads; `appUrl`: how people know the service. */
export type LinkOptions = { url: string; appUrl: string };

export type InvitationOptions = LinkOptions & {
  tenantName: string;
  inviterName: string;
  roleName: string;
  expiresAt: Date;
};

/**
 * Proof of an address. It does not repeat the name that came with it: whoever signs up with somebody
 * else's address must not get to write to them in our name.
 */
export function verifyEmail({ url, appUrl }: LinkOptions): Letter {
  return letter({
    subject: "Verify your e-mail address",
    before: `Somebody, we hope you, signed up at ${hostOf(appUrl)} with this address. Follow the link to say that it is yours.`,
    link: { label: "Verify this address", url },
    after:
      "The link is good for one hour. If it was not you, do nothing: without it, nobody is taken for the owner of this address.",
  });
}

/** A new password; without a name for the same reason. */
export function resetPassword({ url, appUrl }: LinkOptions): Letter {
  return letter({
    subject: "Set a new password",
    before: `Somebody, we hope you, forgot the password to ${hostOf(appUrl)}. Follow the link to set a new one; it signs you out everywhere else.`,
    link: { label: "Set a new password", url },
    after:
      "The link is good for one hour and works once. If it was not you, do nothing: the old password stays.",
  });
}

/** An invitation to a tenant. */
export function invitation(options: InvitationOptions): Letter {
  const { url, appUrl, expiresAt } = options;
  const [tenant, inviter, role] = [options.tenantName, options.inviterName, options.roleName].map(
    oneLine,
  );
  return letter({
    subject: `${inviter} invites you to ${tenant}`,
    before: `${inviter} invites you to join ${tenant} at ${hostOf(appUrl)} with the role ${role}. Follow the link to accept or decline.`,
    link: { label: "See the invitation", url },
    after: `The invitation is good until ${dateOf(expiresAt)}, for this address only. If you don't know who that is, do nothing.`,
  });
}

type LetterParts = {
  subject: string;
  before: string;
  link: { label: string; url: string };
  after: string;
};

function letter({ subject, before, link, after }: LetterParts): Letter {
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${subject}</title>
      </head>
      <body
        style="margin: 0; padding: 32px 16px; background: #f4f4f2; color: #222; font: 16px/1.5 system-ui, sans-serif"
      >
        <div
          style="max-width: 32em; margin: 0 auto; padding: 32px; background: #fff; border-radius: 8px"
        >
          <p style="margin: 0 0 24px">${before}</p>
          <p style="margin: 0 0 24px">
            <a
              href="${link.url}"
              style="display: inline-block; padding: 10px 20px; background: #1f4d3a; color: #fff; border-radius: 6px; text-decoration: none"
              >${link.label}</a
            >
          </p>
          <p style="margin: 0; color: #666; font-size: 14px">${after}</p>
        </div>
      </body>
    </html>`;
  return { subject, text: `${before}\n\n${link.url}\n\n${after}\n`, html: body.markup };
}

/** The longest name that is repeated in full: longer ones are somebody's message, not a name. */
const NAME_LENGTH = 80;
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

/** A name as one short line: no breaks, and no characters that turn the writing direction. */
function oneLine(name: string): string {
  const line = name
    .replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .trim();
  const characters = Array.from(CHARACTERS.segment(line), ({ segment }) => segment);
  if (characters.length <= NAME_LENGTH) return line;
  return `${characters.slice(0, NAME_LENGTH - 1).join("")}…`;
}

function hostOf(url: string): string {
  return new URL(url).host;
}

function dateOf(date: Date): string {
  const text = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "long",
    timeStyle: "short",
    timeZone: "UTC",
  }).format(date);
  return `${text} UTC`;
}
