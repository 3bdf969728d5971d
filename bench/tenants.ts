import type pg from "pg";

import type { Tenant } from "./statement.ts";

/** As many of each tenant's projects as a batch can ask for without asking twice. */
const IDS = 200;

/** The tenants with the ids of some projects of theirs, in no order that an index has. */
export async function readTenants(
  superuser: pg.Client,
  tenantIds: readonly string[],
): Promise<Tenant[]> {
  const { rows } = await superuser.query<{ tenant_id: string; ids: string[] }>(
    `select given.tenant_id, array(
      select projects.id
      from app_public.projects
      where projects.tenant_id = given.tenant_id
      order by md5(projects.id::text)
      limit $2
    ) as ids
    from unnest($1::uuid[]) as given (tenant_id)`,
    [tenantIds, IDS],
  );
  return rows.map((row) => ({ tenantId: row.tenant_id, ids: row.ids }));
}
