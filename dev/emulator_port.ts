import { OperatorError } from "./operator_error.ts";

/** What to say when the Stripe emulator could not start: most often its port is taken. */
export function explainedPort(error: unknown, port: number): unknown {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  if (!isTaken) return error;
  return new OperatorError(
    `Port ${port} is in use. Stop what listens there or set STRIPE_EMULATOR_PORT.`,
    { cause: error },
  );
}
