import { createTransport } from "nodemailer";

import type { MailTransport } from "./mailer.ts";
import { keepMail } from "./outbox.ts";

/** Keeps what nodemailer would have sent: with addresses and headers as it understood them. */
export function outboxTransport(directory: string): MailTransport {
  const transport = createTransport({ jsonTransport: true });
  return async function keep(message) {
    const { message: composed } = await transport.sendMail(message);
    const { from, to, ...rest } = fieldsOf(JSON.parse(composed));
    await keepMail(directory, { from: mailboxes(from), to: mailboxes(to), ...rest });
  };
}

function fieldsOf(composed: unknown) {
  const field = (name: string): unknown =>
    typeof composed === "object" && composed !== null ? Reflect.get(composed, name) : undefined;
  const text = (name: string) => {
    const value = field(name);
    return typeof value === "string" ? value : "";
  };
  return {
    from: field("from"),
    to: field("to"),
    subject: text("subject"),
    text: text("text"),
    html: text("html"),
    messageId: text("messageId"),
  };
}

/** As a mail program shows them. */
function mailboxes(value: unknown): string {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list
    .map((mailbox) => {
      if (typeof mailbox !== "object" || mailbox === null) return "";
      const [name, address] = ["name", "address"].map((key) => String(Reflect.get(mailbox, key)));
      return name === "" ? address : `${name} <${address}>`;
    })
    .join(", ");
}
