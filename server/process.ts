/** Something that runs until it is closed. */
export type Closeable = { close(): Promise<void> };

/**
 * Runs a process: starts, waits for SIGINT or SIGTERM, closes. One that comes while it starts counts
 * as well; a second one ends the process at once. A start that fails prints one cause and exits with
 * 1: stack traces are for bugs, and a bad configuration is none.
 */
export async function untilStopped(name: string, start: () => Promise<Closeable>): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  const running = await start().catch((error: unknown) => exitWith(name, error));
  await stopped;
  await running.close().catch((error: unknown) => exitWith(`${name}: stopping failed`, error));
  process.exit(0);
}

function exitWith(what: string, error: unknown): never {
  process.stderr.write(`${what}: ${causeOf(error)}\n`);
  process.exit(1);
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
