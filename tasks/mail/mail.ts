/** What a person is to read, in both forms. */
export type Letter = { subject: string; text: string; html: string };

/** A letter to somebody; `key` names it, so that a mail that comes twice can be told as one. */
export type Mail = Letter & { to: string; key: string };

/** Sends one mail, or rejects: with MailRefusedError when sending it again would not help. */
export type Mailer = { send(mail: Mail): Promise<void> };

/** This mail will never be taken, however often it is tried. */
export class MailRefusedError extends Error {
  override name = "MailRefusedError";
}
