/** A fault that somebody might build into the schema, on purpose to see whether it is noticed. */
export type Mutant = {
  /** What is loosened: "policy", "grant", "foreign key"… */
  kind: string;
  /** The object it is done to, as attacks and audits call it. */
  object: string;
  /** What is done to it, in words; with kind and object it names the mutant. */
  change: string;
  /** How, as a superuser. */
  sql: string;
  /** Whether it is the whole server's, like a role: it must never be committed beside other work. */
  everywhere: boolean;
};

/** The mutant's name: the same on every run, whatever else there is. */
export function nameOf({ kind, object, change }: Mutant): string {
  return `${kind} ${object}: ${change}`;
}
