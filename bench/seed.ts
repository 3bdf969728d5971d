import { connect } from "./database.ts";
import type { Scale } from "./options.ts";

/** Whom the benchmarks act as: a member of one tenant among many. */
export type Seeded = { tenantId: string; userId: string };

/** What a page shows, and so what is busy: the newest projects have more tasks. */
const NEWEST = 20;

/**
 * Fills the tables as they would look after some time: every tenant as large as the others, their
 * rows interleaved on disk in order of arrival, since that is what sharing tables means. Times have
 * all six decimals, so that every way of writing them as JSON has the same result.
 */
export async function seed(superuserUrl: string, scale: Scale): Promise<Seeded> {
  await using client = await connect(superuserUrl);
  // Neither triggers nor foreign keys have anything to find in rows made from each other.
  await client.query("set session_replication_role = replica");
  await client.query("set maintenance_work_mem = '256MB'");
  await client.query(
    `insert into app_public.tenants (name, plan, status, access, access_reason)
    select 'Tenant ' || n, 'pro', 'active', 'full', 'paid' from generate_series(1, $1::integer) n`,
    [scale.tenants],
  );
  await client.query(
    `insert into app_public.projects (tenant_id, name, status, created_at)
    select
      tenants.id, 'Project ' || n, case when n % 4 = 0 then 'closed' else 'open' end,
      timestamptz '2026-01-01 00:00:00.250001Z' + n * interval '1 minute'
    from generate_series(1, $1::integer) n cross join app_public.tenants
    order by n`,
    [scale.projectsPerTenant],
  );
  await client.query(
    `insert into app_public.tasks (tenant_id, project_id, title, is_done, due_on, created_at)
    select
      projects.tenant_id, projects.id, 'Task ' || n, n % 3 = 0,
      case when n % 2 = 0 then date '2026-06-01' + n end,
      projects.created_at + n * interval '1 second'
    from app_public.projects
    cross join lateral generate_series(
      1,
      case
        when projects.created_at > timestamptz '2026-01-01 00:00:30Z' + $1 * interval '1 minute'
          then 12
        else 3
      end
    ) n
    order by projects.created_at`,
    [scale.projectsPerTenant - NEWEST],
  );
  const seeded = await joinOne(client);
  await client.query("vacuum (analyze) app_public.tenants, app_public.projects, app_public.tasks");
  return seeded;
}

/** Makes somebody the owner of a tenant that is neither the first nor the last. */
async function joinOne(client: Awaited<ReturnType<typeof connect>>): Promise<Seeded> {
  const { rows } = await client.query<{ tenant_id: string; user_id: string }>(`
    with person as (
      insert into app_public.users (id, email, name)
      values (uuidv7(), 'bench@example.com', 'Bench') returning id
    )
    insert into app_public.memberships (tenant_id, user_id, role)
    select
      (select tenants.id from app_public.tenants order by tenants.id
        offset (select count(*) / 2 from app_public.tenants) limit 1),
      person.id, 'owner'
    from person
    returning tenant_id, user_id`);
  const [row] = rows;
  if (row === undefined) throw new Error("Nobody joined a tenant");
  return { tenantId: row.tenant_id, userId: row.user_id };
}
