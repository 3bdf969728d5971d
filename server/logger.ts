import { pino, type DestinationStream, type Logger } from "pino";

/** Paths whose values never reach a log, wherever an error or a request carries them. */
const SECRETS = [
  "password",
  "*.password",
  "client_secret",
  "*.client_secret",
  "token",
  "*.token",
  "secret",
  "*.secret",
  "authorization",
  "*.headers.authorization",
  "*.headers.cookie",
  '*.headers["stripe-signature"]',
  '*.headers["set-cookie"]',
  // node-postgres puts the connection's parameters on some errors, stripe the raw answer and what
  // else was in it on others: a declined payment comes with the secret to make it anew.
  "err.client",
  "err.raw",
  "err.parameters",
  "err.payment_intent",
  "err.payment_method",
  "err.setup_intent",
  "err.source",
];

/** JSON lines without secrets, on standard output unless another destination is given. */
export function makeLogger(level: string, name: string, destination?: DestinationStream): Logger {
  const options = { level, name, redact: { paths: SECRETS, censor: "[redacted]" } };
  return destination === undefined ? pino(options) : pino(options, destination);
}
