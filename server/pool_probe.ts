/**
 * Whether a pool keeps what isolation rests on: a setting made for a transaction holds in all of it
 * and not a moment longer, and nobody's is there before. PgBouncer and its like may break that.
 */
import type pg from "pg";

type Client = Pick<pg.PoolClient, "query">;

/** A pool to be probed, and the role in which its connections are meant to begin. */
export type ProbedPool = {
  pool: { connect(): Promise<Client & { release(destroy?: boolean): void }> };
  /** Undefined means the login itself. */
  role?: string;
};

const DIRECTLY =
  "Connect to PostgreSQL directly, or through a pool that gives a connection to one client at a " +
  "time (PgBouncer: pool_mode = session) and passes its startup options on.";

/** Resolves with undefined when all is well, else with cause and cure in one line. */
export async function faultOfPool({ pool, role }: ProbedPool): Promise<string | undefined> {
  const first = await pool.connect();
  try {
    // Held at the same time, so that a pool between us and the server needs two connections.
    const second = await pool.connect();
    try {
      const fault = (await presetOf(first, role)) ?? (await transactionFaultOf(first));
      return fault ?? (await statementFaultOf(first, second));
    } finally {
      second.release(true);
    }
  } finally {
    // In whatever state a strange pool left them, they are not lent to a request.
    first.release(true);
  }
}

/** `error` when a pool between us and PostgreSQL is the cause, in one line with its cure. */
export function describePoolError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const isPools = /unsupported startup parameter|pooling mode|prepared statement "rowhouse_/;
  if (!isPools.test(error.message)) return undefined;
  return `The connection pool in front of PostgreSQL can't be used: ${error.message}. ${DIRECTLY}`;
}

/** What a new session must not have: another role, a tenant, a person, plans that tell of rows. */
async function presetOf(client: Client, role: string | undefined): Promise<string | undefined> {
  const { rows } = await client.query<{
    begins_as: string;
    login: string;
    presets: string | null;
    scans: string | null;
  }>(`
    select
      current_user as begins_as,
      session_user as login,
      (
        select string_agg(scan, ', ')
        from unnest('{enable_seqscan,enable_tidscan}'::text[]) as scan
        where current_setting(scan) = 'on'
        and exists (
          select
          from pg_catalog.pg_roles
          where rolname = 'app_user' and pg_has_role(session_user, pg_roles.oid, 'member')
        )
      ) as scans,
      (
        select string_agg(name, ', ' order by name)
        from (
          select 'app.' || setting as name
          from unnest(
            '{current_user_id,member_tenant_id,current_tenant_id,writable_tenant_id,permissions}'::text[]
          ) as setting
          where current_setting('app.' || setting, true) <> ''
          union
          select split_part(setting, '=', 1)
          from pg_catalog.pg_db_role_setting, unnest(setconfig) as setting
          where setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user))
          and setdatabase in (
            0, (select oid from pg_catalog.pg_database where datname = current_database())
          )
          and setting ~ '^(app[.]|role=|row_security=)'
        ) as found
      ) as presets
  `);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { begins_as: beginsAs, login, presets, scans } = row;
  if (presets) {
    return (
      `A new database session of "${login}" already has settings that must come with a request: ` +
      `${presets}. Take them back with "alter role … reset" or "alter database … reset", and if ` +
      `there are none, don't share sessions: ${DIRECTLY}`
    );
  }
  if (scans) {
    // The audit reads what is set for rowhouse_server; a login of another name, or options, may differ.
    return (
      `A database session of "${login}" may read whole tables (${scans}), so that a refusal would tell ` +
      "whether anybody has such a row. Run db/bootstrap.sql again, or turn them off for the login and " +
      "leave them out of the connection's options."
    );
  }
  const wanted = role ?? login;
  if (beginsAs === wanted) return undefined;
  return (
    `A new database session begins as "${beginsAs}" where it was told to begin as "${wanted}": the ` +
    `pool in front of PostgreSQL drops startup options. ${DIRECTLY}`
  );
}

/** A setting made "local" is there in the next statement, and gone after the commit. */
async function transactionFaultOf(client: Client): Promise<string | undefined> {
  await client.query("begin");
  await client.query("set local rowhouse.probe = 'set'");
  const before = await stateOf(client);
  const within = await stateOf(client);
  await client.query("commit");
  const after = await stateOf(client);
  if (before.backend !== within.backend || before.probe !== "set" || within.probe !== "set") {
    return (
      "The connection pool in front of PostgreSQL sends the statements of one transaction to " +
      `different sessions, so that a tenant's settings would be lost or reach another's. ${DIRECTLY}`
    );
  }
  if (after.probe === "set") {
    return `A setting of one transaction is still there after its end. ${DIRECTLY}`;
  }
  return undefined;
}

async function stateOf(client: Client): Promise<{ backend: number | undefined; probe: string }> {
  const { rows } = await client.query<{ backend: number; probe: string | null }>(
    "select pg_backend_pid() as backend, current_setting('rowhouse.probe', true) as probe",
  );
  return { backend: rows[0]?.backend, probe: rows[0]?.probe ?? "" };
}

/** A statement prepared in one transaction is there in the next, whatever others do between. */
async function statementFaultOf(first: Client, second: Client): Promise<string | undefined> {
  const statement = { name: "rowhouse_probe", text: "select 1" };
  await first.query("begin");
  await first.query(statement);
  await first.query("commit");
  await second.query("begin");
  try {
    await second.query("select 1");
    await first.query("begin");
    await first.query(statement);
    await first.query("commit");
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return (
      `The connection pool in front of PostgreSQL loses prepared statements (${reason}). PgBouncer ` +
      `keeps them since 1.21 with max_prepared_statements above 0. ${DIRECTLY}`
    );
  } finally {
    await second.query("commit").catch(() => undefined);
  }
}
