/** One shape's statement, prepared on a connection of its own, ready to be measured. */
import { randomUUID } from "node:crypto";

import type { BenchDatabase } from "./database.ts";
import type { Seeded } from "./seed.ts";
import { bindable, type Shape } from "./shapes.ts";
import { execution, openWire, preparation, type Reply, type Wire } from "./wire.ts";

export type Tenant = { tenantId: string; ids: readonly string[] };

export type Statement = Disposable & {
  /** Runs `work` in a transaction for the tenant, which leaves nothing behind. */
  inTransaction<T>(tenant: Tenant, work: (wire: Wire) => Promise<T>): Promise<T>;
  /** `times` executions as bytes. */
  executions(tenant: Tenant, times: number): Buffer[];
};

export type Side = "ours" | "theirs";

type StatementOptions = {
  shape: Shape;
  side: Side;
  text?: string;
  /** Whether its plan is kept for the next execution. */
  isKept?: boolean;
};

/** Executions before which PostgreSQL has not made up its mind about a generic plan. */
export const SETTLING = 8;
const NAME = "measured";

/**
 * Ours: as app_user, under policies, after app_private.enter(), by the server's login. Theirs: by a
 * role with BYPASSRLS. Planned once, under a name, as the API sends it, or each time.
 */
export async function prepareStatement(
  { urls }: BenchDatabase,
  { userId }: Pick<Seeded, "userId">,
  { shape, side, text = shape[side], isKept = true }: StatementOptions,
): Promise<Statement> {
  const wire = await openWire(side === "ours" ? urls.server : urls.migrator);
  const statement = bindable(text);
  let isPrepared = false;

  async function begin({ tenantId }: Tenant): Promise<void> {
    await wire.run("begin");
    if (side === "ours") {
      await wire.run(
        `select app_private.enter('${userId}', '${tenantId}'),
          pg_catalog.set_config('role', 'app_user', true)`,
      );
    }
    if (isKept && !isPrepared) await wire.prepare(NAME, statement.text);
    isPrepared = true;
  }
  return {
    async inTransaction(tenant, work) {
      await begin(tenant);
      try {
        return await work(wire);
      } finally {
        await wire.run("rollback");
      }
    },
    executions({ tenantId, ids }, times) {
      const start = Math.floor(Math.random() * ids.length);
      return Array.from({ length: times }, (_, n) => {
        const id = ids[(start + n) % ids.length] ?? "";
        const values = { id, name: `New ${randomUUID()}`, tenant: tenantId };
        if (isKept) return execution(NAME, statement.valuesOf(values));
        return Buffer.concat([
          preparation("", statement.text),
          execution("", statement.valuesOf(values)),
        ]);
      });
    },
    [Symbol.dispose]: () => wire[Symbol.dispose](),
  };
}

/** One batch: what a statement takes in the server when nobody waits for its answer. */
export async function runBatch(
  statement: Statement,
  tenant: Tenant,
  times: number,
): Promise<Reply> {
  const batch = Buffer.concat(statement.executions(tenant, times));
  const reply = await statement.inTransaction(tenant, (wire) => wire.send(batch));
  return { ...reply, microseconds: reply.microseconds / times };
}

/** Whether the statement runs on a generic plan, as it must for the comparison to be fair. */
export async function isGeneric(statement: Statement, tenant: Tenant): Promise<boolean> {
  const { rows } = await statement.inTransaction(tenant, (wire) =>
    wire.run(
      `select from pg_catalog.pg_prepared_statements
      where name = '${NAME}' and generic_plans > 0 and custom_plans <= ${SETTLING}`,
    ),
  );
  return rows === 1;
}
