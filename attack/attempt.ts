/** What the attack suite tried and what came of it: one line of its matrix. */

/** Where it knocked: SQL on the login's connection, the GraphQL API, or sessions and pools. */
export type Layer = "catalog" | "graphql" | "session";

/**
 * What came of an attempt.
 *
 *   refused        an error that tells nothing of the other tenant
 *   nothing        no error, no row, no change
 *   own rows only  it reached rows of the attacker's own tenant, all of them and no other
 *   allowed        it reached further, and a reviewed exception (`detail`) says why it may;
 *                  without one it is a breach
 *   vacuous        it proved nothing: there was no row that it could have reached, or its sound
 *                  counterpart failed too
 */
export type Outcome = "refused" | "nothing" | "own rows only" | "allowed" | "vacuous";

export type Attempt = {
  layer: Layer;
  /** What was attacked: `app_public.projects`, `app_public.my_tenants()`, `Query.projects`. */
  object: string;
  /** Who attacked: `owner`, `removed member`, `worker`. */
  actor: string;
  /** How: `select all`, `insert into the other tenant`, `node(id)`. */
  verb: string;
  outcome: Outcome;
  /** The SQLSTATE or the API's error code, when there was one. */
  code?: string;
  /** For people: the exception's reason, or what gave the other tenant away. */
  detail?: string;
  /** Whether something of the other tenant was seen, changed or told. */
  breach: boolean;
};

/** Gathers attempts, in the order they were made. */
export type Collector = {
  readonly attempts: readonly Attempt[];
  add(attempt: Attempt): void;
};

/** An empty collector. */
export function collector(): Collector {
  const attempts: Attempt[] = [];
  return { attempts, add: (attempt) => void attempts.push(attempt) };
}

/** What makes the suite red: every breach, and every attempt that proved nothing. */
export function failures(attempts: readonly Attempt[]): Attempt[] {
  return attempts.filter(({ breach, outcome }) => breach || outcome === "vacuous");
}

/** One attempt as a line of text, for a terminal or a failed test. */
export function describeAttempt(attempt: Attempt): string {
  const { actor, verb, object, outcome, code, detail, breach } = attempt;
  const result = [breach ? "BREACH" : outcome, code, detail].filter((part) => part !== undefined);
  return `${actor}, ${verb}, ${object}: ${result.join(", ")}`;
}
