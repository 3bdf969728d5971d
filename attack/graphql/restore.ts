/** Puts a house back as it was planted, after its own people have changed it. */
import type { House, Planting } from "../fixture/plant.ts";
import type { Queryable } from "../fixture/tables.ts";

/** Writes every planted row again, parents first; what was added since stays. */
export async function restore(
  client: Queryable,
  { tables }: Pick<Planting, "tables">,
  { rows }: House,
): Promise<void> {
  for (const { name, columns, primaryKey } of tables) {
    const planted = rows.get(name) ?? [];
    if (planted.length === 0 || primaryKey.length === 0) continue;
    const written = columns.filter(({ generated }) => !generated).map((column) => column.name);
    const list = written.map(quoted).join(", ");
    const changes = written.map((column) => `${quoted(column)} = excluded.${quoted(column)}`);
    await client.query(
      `insert into ${name} (${list})
      select ${list} from jsonb_populate_recordset(null::${name}, $1::jsonb)
      on conflict (${primaryKey.map(quoted).join(", ")}) do update set ${changes.join(", ")}`,
      [JSON.stringify(planted)],
    );
  }
}

/** Closes a tenant, as an unpaid bill does; restore() opens it again. */
export async function suspend(client: Queryable, { tenantId }: House): Promise<void> {
  await client.query(
    `update app_public.tenants
    set status = 'suspended', access = 'none', access_reason = 'payment_failed'
    where id = $1`,
    [tenantId],
  );
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
