import { join } from "node:path";

import type { Environment } from "./environment.ts";

/** Who mails come from. */
export type Mailbox = { name: string; address: string };

/** The server that takes our mails. */
export type SmtpServer = {
  host: string;
  /** Undefined means the protocol's own. */
  port: number | undefined;
  /** TLS from the first byte, as in smtps://. */
  isSecure: boolean;
  credentials: { user: string; pass: string } | undefined;
};

export type MailConfig = {
  from: Mailbox;
  /** Where mails go: to a server, or into files that the development server shows. */
  destination: { smtp: SmtpServer } | { outboxDirectory: string };
};

const DEVELOPMENT_FROM: Mailbox = { name: "Rowhouse", address: "rowhouse@localhost" };

/** How the worker sends mails; in production that must be said, and the outbox does not exist. */
export function mailConfig(read: Environment, isProduction: boolean): MailConfig {
  const outbox = outboxDirectory(read, isProduction);
  if (isProduction) {
    read.required("SMTP_URL");
    read.required("MAIL_FROM");
  }
  return {
    from: read.mailbox("MAIL_FROM", DEVELOPMENT_FROM),
    destination: outbox === undefined ? { smtp: smtpServer(read) } : { outboxDirectory: outbox },
  };
}

/**
 * The outbox that the server shows to whoever asks. Its mails hold links to sign in with: whoever
 * gave the server a name that others know may have forgotten to call it production.
 */
export function shownOutbox(
  read: Environment,
  { isProduction, publicUrl }: { isProduction: boolean; publicUrl: string },
): string | undefined {
  const directory = outboxDirectory(read, isProduction);
  return isHere(new URL(publicUrl).hostname) ? directory : undefined;
}

/** Whether a URL's host is this machine by a name that nobody else can give it. */
export function isHere(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Where mails are kept instead of being sent; undefined when they are sent, or must be. */
function outboxDirectory(read: Environment, isProduction: boolean): string | undefined {
  const home = read.text("ROWHOUSE_HOME", ".rowhouse");
  const isSent = isProduction || read.optionalText("SMTP_URL") !== undefined;
  return isSent ? undefined : join(home, "outbox");
}

/** Where the frontend lives, for links in mails; no trailing slash. */
export function appUrl(read: Environment, publicUrl: string): string {
  const { origin, pathname } = read.url("APP_URL", publicUrl);
  return `${origin}${pathname}`.replace(/\/+$/, "");
}

function smtpServer(read: Environment): SmtpServer {
  const url = read.optionalSmtpUrl("SMTP_URL");
  return {
    host: url?.hostname.replace(/^\[(.*)\]$/, "$1") ?? "",
    port: url === undefined || url.port === "" ? undefined : Number(url.port),
    isSecure: url?.protocol === "smtps:",
    credentials:
      url === undefined || url.username === ""
        ? undefined
        : { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
  };
}
