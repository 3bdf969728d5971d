import type { SendMailOptions } from "nodemailer";

import { isMailAddress } from "../../server/mail_address.ts";
import type { MailConfig, Mailbox } from "../../server/mail_config.ts";
import { MailRefusedError, type Mail, type Mailer } from "./mail.ts";
import { outboxTransport } from "./outbox_transport.ts";
import { smtpTransport } from "./smtp_transport.ts";

/** Takes a mail in nodemailer's words. */
export type MailTransport = (message: SendMailOptions) => Promise<void>;

/** The mailer that the configuration asks for: by SMTP, or into the development outbox. */
export function makeMailer({ from, destination }: MailConfig): Mailer {
  const transport =
    "smtp" in destination
      ? smtpTransport(destination.smtp)
      : outboxTransport(destination.outboxDirectory);
  return {
    async send(mail) {
      if (!isMailAddress(mail.to)) throw new MailRefusedError("There is no such address");
      await transport(messageOf(mail, from));
    },
  };
}

/** Addresses are given in parts: a text would be parsed, and could be read as several. */
function messageOf({ to, key, subject, text, html }: Mail, from: Mailbox): SendMailOptions {
  return {
    from,
    to: { name: "", address: to },
    messageId: `<${key}@${from.address.split("@")[1]}>`,
    subject,
    text,
    html,
    // Nobody is to be told "I'm on holiday" by a mailbox of ours.
    headers: { "Auto-Submitted": "auto-generated" },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
