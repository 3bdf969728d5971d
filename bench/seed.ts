import type pg from "pg";

import { connect } from "./database.ts";

export type SeedScale = {
  tenants: number;
  projectsPerTenant: number;
  /** How many tasks each project has; unless told, the newest have a dozen and others one. */
  tasksPerProject?: number;
  /** One more tenant, with so many projects. */
  giant?: number;
};

/** Whom the benchmarks act as: an owner of some tenants among many. */
export type Seeded = {
  userId: string;
  /** Up to a hundred ordinary tenants, from all over; the first is `tenantId`. */
  tenantIds: string[];
  tenantId: string;
  giantId: string | undefined;
};

/** What a page shows, and so what is busy. */
const NEWEST = 20;
const SAMPLE = 100;

/**
 * Fills the tables as they would look after some time: rows of all tenants interleaved on disk in
 * order of arrival, since that is what sharing tables means. Times have all six decimals, so that
 * every way of writing them as JSON has the same result.
 */
export async function seed(superuserUrl: string, scale: SeedScale): Promise<Seeded> {
  const { tenants, projectsPerTenant, tasksPerProject, giant = 0 } = scale;
  await using client = await connect(superuserUrl);
  // Neither triggers nor foreign keys have anything to find in rows made from each other.
  await client.query("set session_replication_role = replica");
  await client.query("set maintenance_work_mem = '512MB'");
  await client.query(
    `create temporary table sizes as
    select uuidv7() as tenant_id, n as number, case n when 0 then $3::integer else $2::integer end as projects
    from generate_series(case $3::integer when 0 then 1 else 0 end, $1::integer) n`,
    [tenants, projectsPerTenant, giant],
  );
  await client.query(
    `insert into app_public.tenants (id, name, plan, status, access, access_reason)
    select tenant_id, 'Tenant ' || number, 'pro', 'active', 'full', 'paid' from sizes`,
  );
  await withoutIndexes(client, "app_public.projects", () =>
    client.query(
      `insert into app_public.projects (tenant_id, name, status, created_at)
      select
        sizes.tenant_id, 'Project ' || n, case when n % 4 = 0 then 'closed' else 'open' end,
        timestamptz '2026-01-01 00:00:00.250001Z' + n * interval '1 minute'
      from generate_series(1, $1::integer) n
      join sizes on n <= sizes.projects
      order by n`,
      [Math.max(projectsPerTenant, giant)],
    ),
  );
  await withoutIndexes(client, "app_public.tasks", () =>
    client.query(
      `insert into app_public.tasks (tenant_id, project_id, title, is_done, due_on, created_at)
      select
        projects.tenant_id, projects.id, 'Task ' || n, n % 3 = 0,
        case when n % 2 = 0 then date '2026-06-01' + n end,
        projects.created_at + n * interval '1 second'
      from app_public.projects
      join sizes using (tenant_id)
      cross join lateral generate_series(
        1,
        case
          when $2::integer is not null then $2
          when projects.created_at >
            timestamptz '2026-01-01 00:00:30Z' + (sizes.projects - $1) * interval '1 minute'
            then 12
          else 1
        end
      ) n
      order by projects.created_at`,
      [NEWEST, tasksPerProject ?? null],
    ),
  );
  const seeded = await joinSome(client);
  await client.query("vacuum (analyze) app_public.tenants, app_public.memberships");
  await client.query("vacuum (analyze) app_public.projects, app_public.tasks");
  return seeded;
}

/** Fills a table first and builds its indexes then, which takes a fraction of the time. */
async function withoutIndexes(
  client: pg.Client,
  table: string,
  fill: () => Promise<unknown>,
): Promise<void> {
  await client.query(
    `update pg_catalog.pg_index set indisready = false, indisvalid = false
    where indrelid = $1::regclass`,
    [table],
  );
  await fill();
  await client.query(`reindex table ${table}`);
}

/** Makes somebody the owner of some tenants, the giant among them. */
async function joinSome(client: pg.Client): Promise<Seeded> {
  const { rows } = await client.query<{ tenant_id: string; user_id: string; number: number }>(
    `with person as (
      insert into app_public.users (id, email, name)
      values (uuidv7(), 'bench@example.com', 'Bench') returning id
    ),
    joined as (
      insert into app_public.memberships (tenant_id, user_id, role)
      select picked.tenant_id, person.id, 'owner'
      from (select tenant_id from sizes order by number <> 0, md5(number::text) limit $1) as picked, person
      returning tenant_id, user_id
    )
    select joined.tenant_id, joined.user_id, sizes.number from joined join sizes using (tenant_id)`,
    [SAMPLE],
  );
  const tenantIds = rows.filter(({ number }) => number !== 0).map((row) => row.tenant_id);
  const giantId = rows.find(({ number }) => number === 0)?.tenant_id;
  const [tenantId] = tenantIds;
  const [row] = rows;
  if (row === undefined || tenantId === undefined) throw new Error("Nobody joined a tenant");
  return { userId: row.user_id, tenantIds, tenantId, giantId };
}
