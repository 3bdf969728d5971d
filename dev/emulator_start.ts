import { OperatorError } from "./operator_error.ts";
import { StripeError } from "./stripe/errors.ts";

/** What to say when the Stripe emulator could not start: its port is taken, or its chaos unknown. */
export function explainedStart(cause: unknown, port: number): unknown {
  if (cause instanceof StripeError) {
    return new OperatorError(`STRIPE_EMULATOR_CHAOS: ${cause.message}`, { cause });
  }
  const isTaken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
  if (!isTaken) return cause;
  return new OperatorError(
    `Port ${port} is in use. Stop what listens there or set STRIPE_EMULATOR_PORT.`,
    { cause },
  );
}
