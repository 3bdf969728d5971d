import { OperatorError } from "./operator_error.ts";
import { StripeError } from "./stripe/errors.ts";

/** What to say when the Stripe emulator could not start: its port is taken, or its mischief unknown. */
export function explainedStart(cause: unknown, port: number): unknown {
  if (cause instanceof StripeError) {
    const isFault = cause.body.param?.startsWith("faults[") === true;
    const name = isFault ? "STRIPE_EMULATOR_FAULTS" : "STRIPE_EMULATOR_CHAOS";
    return new OperatorError(`${name}: ${cause.message}`, { cause });
  }
  const isTaken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
  if (!isTaken) return cause;
  return new OperatorError(
    `Port ${port} is in use. Stop what listens there or set STRIPE_EMULATOR_PORT.`,
    { cause },
  );
}
