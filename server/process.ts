/** Something that runs until it is closed. */
export type Closeable = { close(): Promise<void> };

/**
 * Runs a process: starts, waits for SIGINT or SIGTERM, closes. A start that fails prints one cause
 * and exits with 1: stack traces are for bugs, and a bad configuration is none.
 */
export async function untilStopped(name: string, start: () => Promise<Closeable>): Promise<void> {
  let running: Closeable;
  try {
    running = await start();
  } catch (error) {
    process.stderr.write(`${name}: ${causeOf(error)}\n`);
    process.exit(1);
  }
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  try {
    await running.close();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${name}: stopping failed: ${causeOf(error)}\n`);
    process.exit(1);
  }
}

/** One line (or one list) that says what went wrong, without a stack. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, "code");
  if (code === "EADDRINUSE") {
    return `Port ${String(Reflect.get(error, "port"))} is in use. Stop what listens there or set PORT.`;
  }
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  return error.message;
}
