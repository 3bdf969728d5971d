import type { KeptMail } from "../../tasks/mail/outbox.ts";
import { waitUntil } from "./wait_until.ts";

/** Everything in a system's development outbox, the newest first. */
export async function outbox(url: string): Promise<KeptMail[]> {
  const response = await fetch(`${url}/outbox`, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`/outbox answered ${response.status}`);
  return (await response.json()) as KeptMail[];
}

/** The newest mail to an address with such a subject, as soon as there is one. */
export async function mailTo(url: string, address: string, subject: RegExp): Promise<KeptMail> {
  return waitUntil(async () =>
    (await outbox(url)).find((mail) => mail.to === address && subject.test(mail.subject)),
  );
}

/** What the mails to an address are about that name a word, newest first; throws when one came twice. */
export async function subjectsOnce(url: string, address: string, word: string): Promise<string[]> {
  const mails = (await outbox(url)).filter(
    ({ to, subject }) => to === address && subject.includes(word),
  );
  if (new Set(mails.map(({ messageId }) => messageId)).size < mails.length) {
    throw new Error(`A mail came twice: ${JSON.stringify(mails)}`);
  }
  return mails.map(({ subject }) => subject);
}

/** The link of a mail. */
export function linkIn({ text }: Pick<KeptMail, "text">): string {
  const [link = "", ...others] = text.match(/https?:\/\/\S+/g) ?? [];
  if (others.length > 0) throw new Error(`More than one link: ${text}`);
  return link;
}
