import { pino, type Logger } from "pino";

/** Paths whose values never reach a log, wherever an error or a request carries them. */
const SECRETS = [
  "password",
  "*.password",
  "client_secret",
  "*.client_secret",
  "token",
  "*.token",
  "authorization",
  "*.headers.authorization",
  "*.headers.cookie",
  '*.headers["stripe-signature"]',
  '*.headers["set-cookie"]',
  // node-postgres puts the connection's parameters on some errors, stripe the raw answer on others.
  "err.client",
  "err.raw",
  "err.parameters",
];

/** JSON lines on standard output, without secrets. */
export function makeLogger(level: string, name: string): Logger {
  return pino({ level, name, redact: { paths: SECRETS, censor: "[redacted]" } });
}
