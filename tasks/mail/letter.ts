/** What all letters are made of: a sentence, a link and what to know besides. */
import type { Letter } from "./mail.ts";
import { html } from "./markup.ts";

type LetterParts = {
  subject: string;
  before: string;
  link: { label: string; url: string };
  after: string;
};

/** The same letter as plain text and as a page. */
export function letter({ subject, before, link, after }: LetterParts): Letter {
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
export function oneLine(name: string): string {
  const line = name
    .replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .trim();
  const characters = Array.from(CHARACTERS.segment(line), ({ segment }) => segment);
  if (characters.length <= NAME_LENGTH) return line;
  return `${characters.slice(0, NAME_LENGTH - 1).join("")}…`;
}

/** How people know the service. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

/** A time as a sentence names it. */
export function dateOf(date: Date): string {
  const text = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "long",
    timeStyle: "short",
    timeZone: "UTC",
  }).format(date);
  return `${text} UTC`;
}
