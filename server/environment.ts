import { isIPv6 } from "node:net";

import { isMailAddress } from "./mail_address.ts";

/** A configuration that can't be used. Its message names every fault; no stack trace is needed. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** Typed readers of variables. Each notes what is wrong and goes on, so that all faults show at once. */
export type Environment = ReturnType<typeof environmentReaders>;

/** Runs `build` with readers of `env`; throws one ConfigError when any of them found a fault. */
export function readEnvironment<T>(env: NodeJS.ProcessEnv, build: (read: Environment) => T): T {
  const problems: string[] = [];
  const result = build(environmentReaders(env, problems));
  if (problems.length > 0) {
    throw new ConfigError(
      `Invalid configuration:\n  ${problems.join("\n  ")}\nEvery variable is explained in .env.example.`,
    );
  }
  return result;
}

type Range = { min: number; max: number };

function environmentReaders(env: NodeJS.ProcessEnv, problems: string[]) {
  const texts = textReaders(env, problems);
  return {
    /** Notes a fault that no single reader can see. */
    fault: (problem: string) => void problems.push(problem),
    ...texts,
    ...numberReaders(texts.optionalText, problems),
    ...urlReaders(texts, problems),
    ...mailReaders(texts, problems),
  };
}

function textReaders(env: NodeJS.ProcessEnv, problems: string[]) {
  /** An empty variable is an unset one, as in docker-compose's `NAME=`. */
  function optionalText(name: string): string | undefined {
    const value = env[name]?.trim();
    return value === "" ? undefined : value;
  }

  function text(name: string, fallback: string): string {
    return optionalText(name) ?? fallback;
  }

  function required(name: string): string | undefined {
    const value = optionalText(name);
    if (value === undefined) problems.push(`${name} is not set`);
    return value;
  }

  function secret(name: string, { minLength }: { minLength: number }): string {
    const value = required(name) ?? "";
    // The value itself is never repeated: it may be a real secret with a typing error.
    if (value !== "" && value.length < minLength) {
      problems.push(`${name} is too short: at least ${minLength} characters`);
    }
    return value;
  }

  function choice(name: string, fallback: string, choices: readonly string[]): string {
    const value = text(name, fallback);
    if (choices.includes(value)) return value;
    problems.push(`${name} must be one of ${choices.join(", ")}, not "${value}"`);
    return fallback;
  }

  function list(name: string, fallback?: readonly string[]): readonly string[] {
    const value = fallback === undefined ? required(name) : optionalText(name);
    if (value === undefined) return fallback ?? [];
    const items = value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
    if (items.length === 0 && fallback === undefined) problems.push(`${name} lists nothing`);
    return items;
  }

  function host(name: string, fallback: string): string {
    const value = text(name, fallback);
    const inUrl = isIPv6(value) ? `[${value}]` : value;
    if (/^[a-z0-9.:-]{1,253}$/i.test(value) && URL.canParse(`http://${inUrl}:1`)) return value;
    problems.push(`${name} must be a name or an IP address`);
    return fallback;
  }

  return { optionalText, text, required, secret, choice, list, host };
}

function numberReaders(optionalText: (name: string) => string | undefined, problems: string[]) {
  function number(name: string, fallback: number, { min, max }: Range): number {
    const value = optionalText(name);
    if (value === undefined) return fallback;
    const parsed = Number(value);
    if (Number.isFinite(parsed) && parsed >= min && parsed <= max) return parsed;
    problems.push(`${name} must be a number from ${min} to ${max}, not "${value}"`);
    return fallback;
  }

  function integer(name: string, fallback: number, range: Range): number {
    const parsed = number(name, fallback, range);
    if (Number.isInteger(parsed)) return parsed;
    problems.push(`${name} must be a whole number, not "${optionalText(name) ?? ""}"`);
    return fallback;
  }

  return { number, integer };
}

const HTTP = ["http:", "https:"] as const;
const POSTGRES = ["postgres:", "postgresql:"] as const;

function urlReaders(
  { list, optionalText, required, text }: ReturnType<typeof textReaders>,
  problems: string[],
) {
  function parsedUrl(name: string, value: string, protocols: readonly string[]): URL | undefined {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed !== undefined && protocols.includes(parsed.protocol)) return parsed;
    // Not repeated either: a database URL holds a password.
    problems.push(`${name} must be a URL that starts with ${protocols.join("// or ")}//`);
    return undefined;
  }

  function url(name: string, fallback: string): URL {
    return parsedUrl(name, text(name, fallback), HTTP) ?? new URL(fallback);
  }

  function optionalUrl(name: string): URL | undefined {
    const value = optionalText(name);
    return value === undefined ? undefined : parsedUrl(name, value, HTTP);
  }

  function urls(name: string): URL[] {
    return list(name, []).flatMap((value) => parsedUrl(name, value, HTTP) ?? []);
  }

  function optionalPostgresUrl(name: string): string | undefined {
    const value = optionalText(name);
    return value === undefined ? undefined : parsedUrl(name, value, POSTGRES) && value;
  }

  function postgresUrl(name: string): string {
    return required(name) === undefined ? "" : (optionalPostgresUrl(name) ?? "");
  }

  return { url, optionalUrl, urls, optionalPostgresUrl, postgresUrl };
}

type Mailbox = { name: string; address: string };

function mailReaders({ optionalText }: ReturnType<typeof textReaders>, problems: string[]) {
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
