/** One transaction of server/with_tenant.ts: how it is entered, what the work gets, how it ends. */
import type pg from "pg";

import { codeOf } from "./connection_error.ts";

/** What the work gets. It is good until the work has ended, and throws afterwards. */
export type TenantClient = {
  /** One statement. Its rows are the tenant's own, whatever it asks for. */
  query<Row extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>;
  /** Runs `work` so that its failure undoes only what it did. Not two of them side by side. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
};

type Connection = Pick<pg.Client, "query" | "getTransactionStatus" | "pipeline">;
type Statement = string | pg.QueryConfig;
type Entry = { tenantId: string; userId: string; timeoutMs: number };

/** Every setting that app_private.enter() or our functions know; a test compares it with db/. */
export const TENANT_SETTINGS = [
  "app.current_user_id",
  "app.member_tenant_id",
  "app.current_tenant_id",
  "app.writable_tenant_id",
  "app.access",
  "app.access_reason",
  "app.permissions",
  "app.api_key_id",
  "app.request",
] as const;

const ENTER = `
  select
    app_private.enter($1::uuid, $2::uuid),
    pg_catalog.set_config('statement_timeout', $3, true),
    pg_catalog.set_config('role', 'app_user', true)`;

/**
 * Divides by zero when the work has ended the transaction, or has become somebody else in it: so the
 * commit that is sent behind it commits nothing.
 */
const STILL_OURS = `
  select 1 / case
    when pg_catalog.current_setting('app.current_user_id', true) = $1
      and pg_catalog.current_setting('app.member_tenant_id', true) = $2
      and pg_catalog.current_setting('role') = 'app_user'
    then 1 else 0
  end`;
const DIVISION_BY_ZERO = "22012";

/** What outlives a transaction and could reach the next: looked for, not trusted to be absent. */
const IS_CLEAN = `
  select
    pg_catalog.current_setting('role') = 'none'
    and not exists (
      select
      from pg_catalog.unnest($1::text[]) as setting
      where pg_catalog.current_setting(setting, true) <> ''
    )
    and not exists (select from pg_catalog.pg_cursors where is_holdable)
    and not exists (select from pg_catalog.pg_prepared_statements where from_sql)
    and not exists (select from pg_catalog.pg_listening_channels()) as is_clean,
    pg_catalog.pg_advisory_unlock_all()`;

/** Looks first: a setting of ours that outlived the transaction is a reason to close. */
const CHECK_OUT: readonly Statement[] = [
  { text: IS_CLEAN, values: [[...TENANT_SETTINGS]] },
  "reset all",
];

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
    if (still?.status !== "rejected") return;
    throw codeOf(still.reason) === DIVISION_BY_ZERO
      ? new Error("The work must not end the tenant's transaction, nor change role in it")
      : new Error("A statement had failed, so the tenant's transaction was rolled back", {
          cause: still.reason,
        });
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
