import { connect, type BenchDatabase } from "./database.ts";
import type { Seeded } from "./seed.ts";
import { bindable, type Shape } from "./shapes.ts";
import type { Side } from "./statement.ts";

const NO_ID = "00000000-0000-7000-8000-000000000000";

/** Both sides' generic plans of a shape, as text. */
export async function explainShape(
  database: BenchDatabase,
  seeded: Seeded,
  shape: Shape,
): Promise<string> {
  const ours = await genericPlan(database, seeded, { shape, side: "ours" });
  const theirs = await genericPlan(database, seeded, { shape, side: "theirs" });
  const indented = (lines: string[]) => lines.map((line) => `    ${line}`);
  return [shape.case, "  ours:", ...indented(ours), "  baseline:", ...indented(theirs)].join("\n");
}

/** The plan that is kept for a prepared statement, whatever its parameters will be. */
export async function genericPlan(
  { urls }: BenchDatabase,
  { userId, tenantId }: Pick<Seeded, "userId" | "tenantId">,
  { shape, side }: { shape: Shape; side: Side },
): Promise<string[]> {
  const { text, valuesOf } = bindable(shape[side]);
  await using client = await connect(side === "ours" ? urls.server : urls.migrator);
  await client.query("begin");
  await client.query("set local plan_cache_mode = force_generic_plan");
  if (side === "ours") {
    await client.query(
      "select app_private.enter($1, $2), pg_catalog.set_config('role', 'app_user', true)",
      [userId, tenantId],
    );
  }
  await client.query(`prepare planned as ${text}`);
  const values = valuesOf({ id: NO_ID, name: "New", tenant: tenantId });
  const given = values.map((value) => client.escapeLiteral(value)).join(", ");
  const { rows } = await client.query<{ "QUERY PLAN": string }>(
    `explain (costs off) execute planned${given === "" ? "" : ` (${given})`}`,
  );
  await client.query("rollback");
  return rows.map((row) => row["QUERY PLAN"]);
}
