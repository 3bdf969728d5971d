/** Turns what PostgreSQL wrote before it gave up into one line of cause and cure. */
import { OperatorError } from "./operator_error.ts";
import { ProgramFailure } from "./postgres_process.ts";

type Where = { directory: string; port: number };
type Explanation = { pattern: RegExp; explain: (where: Where, line: string) => string };

const PORT_TAKEN = /Address already in use/;

const EXPLANATIONS: readonly Explanation[] = [
  {
    pattern: PORT_TAKEN,
    explain: ({ port }) =>
      `Port ${port} is in use. Stop what listens there or set EMBEDDED_POSTGRES_PORT.`,
  },
  {
    pattern: /could not bind .*Permission denied/,
    explain: ({ port }) =>
      `Port ${port} may not be used by PostgreSQL. Set EMBEDDED_POSTGRES_PORT to one above 1023.`,
  },
  {
    pattern: /No space left on device|ENOSPC|Disk quota exceeded/,
    explain: ({ directory }) =>
      `The disk that holds ${directory} is full. Make room there and start again.`,
  },
  {
    pattern: /initialized by PostgreSQL version/,
    explain: ({ directory }, line) =>
      `${directory} belongs to another version of PostgreSQL: ${line} Move it away, or dump it with the old version and load it here.`,
  },
  {
    pattern: /has wrong ownership|Permission denied|EACCES|EPERM/,
    explain: ({ directory }, line) =>
      `${directory} can't be used by this user: ${line} Run as the user that created it, or choose another ROWHOUSE_HOME.`,
  },
  {
    pattern: /could not look up effective user ID/,
    explain: () =>
      "PostgreSQL needs its user to have a name, and this one is not in /etc/passwd. Run as a user that is, or set DATABASE_URL to a server of yours.",
  },
  {
    pattern: /error while loading shared libraries|symbol lookup error/,
    explain: (_, line) =>
      `The embedded PostgreSQL lacks a library: ${line} Run \`npm rebuild\`, or set DATABASE_URL to a server of yours.`,
  },
  {
    pattern: /ENOENT/,
    explain: (_, line) =>
      `The embedded PostgreSQL can't be run here (it needs glibc on Linux): ${line} Set DATABASE_URL to a server of yours.`,
  },
];

/** The error to throw instead of `error`, and whether another port would help. */
export function explainFailure(error: unknown, where: Where): { error: Error; portTaken: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  const lines = error instanceof ProgramFailure ? [...error.lines, message] : [message];
  for (const { pattern, explain } of EXPLANATIONS) {
    const line = lines.find((candidate) => pattern.test(candidate));
    if (line === undefined) continue;
    const explained = new OperatorError(explain(where, sentence(line)), { cause: error });
    return { error: explained, portTaken: pattern === PORT_TAKEN };
  }
  const said = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? message;
  const text = `PostgreSQL does not start on ${where.directory}: ${sentence(said)} If its data may go, remove that directory and start again.`;
  return { error: new OperatorError(text, { cause: error }), portTaken: false };
}

/** `FATAL:  no` becomes `no.` */
function sentence(line: string): string {
  const text = line.replace(/^.*?(?:FATAL|PANIC|DETAIL|LOG|error):\s*/, "").trim();
  return text.endsWith(".") ? text : `${text}.`;
}
