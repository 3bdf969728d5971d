/** One transaction of server/with_tenant.ts: how it is entered, what the work gets, how it ends. */
import type pg from "pg";

import { codeOf } from "./connection_error.ts";
import { CHECK_OUT, ENTER, STILL_OURS, type Statement } from "./tenant_statements.ts";

/** What the work gets. It is good until the work has ended, and throws afterwards. */
export type TenantClient = {
  /**
   * One statement. Its rows are the tenant's own, whatever it asks for, unless it sets the tenant: what
   * a client says belongs into `values`, never into the text.
   */
  query<Row extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>;
  /** Runs `work` so that its failure undoes only what it did. Not two of them side by side. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
};

type Connection = Pick<pg.Client, "query" | "getTransactionStatus" | "pipeline">;
type Entry = { tenantId: string; userId: string; timeoutMs: number };

const DIVISION_BY_ZERO = "22012";
const FAILED_BEFORE = "25P02";

export class TenantTransaction {
  /** Whether it has ended and left nothing behind on the connection. */
  isClean = false;
  readonly #connection: Connection;
  readonly #unanswered = new Set<Promise<unknown>>();
  #isOpen = true;
  #savepoints = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async run<T>(entry: Entry, work: (client: TenantClient) => Promise<T>): Promise<T> {
    let result: T;
    try {
      await this.#enter(entry);
      result = await work({
        query: (text, values = []) => this.#query(text, values),
        savepoint: (inner) => this.#savepoint(inner),
      });
      await this.#refuseUnanswered();
    } catch (error) {
      this.close();
      await Promise.allSettled(this.#unanswered);
      const [, ...after] = await this.#send(["rollback", ...CHECK_OUT]);
      this.#note(after);
      throw error;
    }
    this.close();
    await this.#commit(entry);
    return result;
  }

  /** From now on the work's client throws. */
  close(): void {
    this.#isOpen = false;
  }

  async #enter({ tenantId, userId, timeoutMs }: Entry): Promise<void> {
    const values = [userId, tenantId, String(timeoutMs)];
    const answers = await this.#send(["begin", { text: ENTER, values }]);
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  }

  #query<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<pg.QueryResult<Row>> {
    const answer = this.#ask<Row>(text, values);
    this.#unanswered.add(answer);
    // Heard here as well: whoever asked may not listen, and a failure must not end the process.
    const forget = () => this.#unanswered.delete(answer);
    answer.then(forget, forget);
    return answer;
  }

  async #ask<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<pg.QueryResult<Row>> {
    if (!this.#isOpen) {
      throw new Error("The tenant's transaction is over, and its client with it");
    }
    // The extended protocol takes one statement: none can be smuggled in behind another.
    const statement = { text, values: [...values], queryMode: "extended" };
    return this.#connection.query<Row>(statement);
  }

  async #savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.#savepoints += 1;
    const name = `tenant_${this.#savepoints}`;
    await this.#query(`savepoint ${name}`, []);
    try {
      const result = await work();
      await this.#query(`release savepoint ${name}`, []);
      return result;
    } catch (error) {
      await this.#query(`rollback to savepoint ${name}`, []);
      throw error;
    }
  }

  /** What is asked and not awaited may fail unseen, so nothing of it is kept. */
  async #refuseUnanswered(): Promise<void> {
    if (this.#unanswered.size === 0) return;
    throw new Error("The work ended before its statements did: await each of them");
  }

  async #commit({ tenantId, userId }: Entry): Promise<void> {
    const ours = { text: STILL_OURS, values: [userId, tenantId] };
    const [still, committed, ...after] = await this.#send([ours, "commit", ...CHECK_OUT]);
    this.#note(after);
    if (committed?.status === "rejected") throw committed.reason;
    if (still?.status === "rejected") throw spoiledBy(still.reason);
  }

  #note([clean, reset]: readonly Answer[]): void {
    this.isClean =
      clean?.status === "fulfilled" &&
      clean.value.rows[0]?.is_clean === true &&
      reset?.status === "fulfilled" &&
      this.#connection.getTransactionStatus() === "I";
  }

  /** All answers, also of those that failed; in one round trip where the pool pipelines. */
  async #send(statements: readonly Statement[]): Promise<Answer[]> {
    const send = (statement: Statement) => this.#connection.query(statement);
    if (this.#connection.pipeline) return Promise.allSettled(statements.map(send));
    const answers: Answer[] = [];
    for (const statement of statements) {
      answers.push(...(await Promise.allSettled([send(statement)])));
    }
    return answers;
  }
}

type Answer = PromiseSettledResult<pg.QueryResult<{ is_clean?: unknown }>>;

/** Why nothing of the work was kept, though it ended well. */
function spoiledBy(reason: unknown): unknown {
  switch (codeOf(reason)) {
    case DIVISION_BY_ZERO:
      return new Error(
        "The work must not end the tenant's transaction, nor change role or tenant in it",
      );
    case FAILED_BEFORE:
      return new Error("A statement had failed, so the tenant's transaction was rolled back");
    default:
      return reason;
  }
}
