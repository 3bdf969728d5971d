import { createTransport } from "nodemailer";

import type { SmtpServer } from "../../server/mail_config.ts";
import { MailRefusedError } from "./mail.ts";
import type { MailTransport } from "./mailer.ts";

const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;
/** A server that answers, but never comes to an end, is given up after this. */
const SEND_MS = 60_000;

/** Sends by SMTP, a connection a mail. The queue does the retries. */
export function smtpTransport(server: SmtpServer): MailTransport {
  const { host, port, isSecure, credentials } = server;
  const transport = createTransport({
    host,
    port,
    secure: isSecure,
    auth: credentials,
    // Without a password, a relay on one's own network may do without TLS.
    requireTLS: credentials !== undefined && !isSecure,
    tls: { rejectUnauthorized: true, minVersion: "TLSv1.2" },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
  });
  return async function send(message) {
    try {
      await transport.sendMail({ ...message, signal: AbortSignal.timeout(SEND_MS) });
    } catch (error) {
      throw failureOf(error);
    }
  };
}

/**
 * The error without what nodemailer puts on it: the server's answer repeats the address, and errors
 * end in the log and in the queue.
 */
function failureOf(error: unknown): Error {
  const { code, originalCode, command, responseCode, permanent } = {
    code: "an unknown error",
    ...factsOf(error),
  };
  const at = command === undefined ? "" : ` at ${command}`;
  const answer =
    responseCode === undefined ? (originalCode ?? code) : `the answer ${responseCode}${at}`;
  const message = `The mail server did not take the mail: ${answer}`;
  // A sender or a sign-in that is refused is the operator's to mend, so the mail waits for that.
  const isAboutMail =
    (code === "EENVELOPE" || code === "EMESSAGE") &&
    (command === "API" || (permanent === true && command !== "MAIL FROM"));
  return isAboutMail ? new MailRefusedError(message) : new Error(message);
}

type Facts = {
  code?: string;
  originalCode?: string;
  command?: string;
  responseCode?: number;
  permanent?: boolean;
};

function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return {};
  const text = (name: string) => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === "string" ? { [name]: value } : {};
  };
  const responseCode: unknown = Reflect.get(error, "responseCode");
  return {
    ...text("code"),
    ...text("originalCode"),
    ...text("command"),
    ...(typeof responseCode === "number" ? { responseCode } : {}),
    permanent: Reflect.get(error, "permanent") === true,
  };
}
