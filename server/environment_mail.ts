import { isMailAddress } from "./mail_address.ts";

type Mailbox = { name: string; address: string };

type Texts = { optionalText(name: string): string | undefined };

/** Readers of what mails need. */
export function mailReaders({ optionalText }: Texts, problems: string[]) {
  /** An address, or a name before one in angle brackets. */
  function mailbox(name: string, fallback: Mailbox): Mailbox {
    const value = optionalText(name);
    if (value === undefined) return fallback;
    const named = /^"?([^"<>\p{Cc}]{1,100}?)"?\s*<([^<>]+)>$/u.exec(value);
    const [, title = "", address = value] = named ?? [];
    if (isMailAddress(address)) return { name: title, address };
    problems.push(`${name} must be an address, or a name and <an address>`);
    return fallback;
  }

  /** What else nodemailer would read from such a URL, such as not to check certificates, is refused. */
  function optionalSmtpUrl(name: string): URL | undefined {
    const value = optionalText(name);
    if (value === undefined) return undefined;
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed !== undefined && isSmtpUrl(parsed)) return parsed;
    // Not repeated: it may hold a password.
    problems.push(`${name} must be like smtp://USER:PASSWORD@HOST:PORT or smtps://…, and no more`);
    return undefined;
  }

  return { mailbox, optionalSmtpUrl };
}

function isSmtpUrl({ protocol, hostname, pathname, search, hash, username, password }: URL) {
  const isPlain = /^\/?$/.test(pathname) && search === "" && hash === "";
  return (
    ["smtp:", "smtps:"].includes(protocol) &&
    hostname !== "" &&
    isPlain &&
    [username, password].every(isDecodable)
  );
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
