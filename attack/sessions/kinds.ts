/** What the tenants ask of the shared pool: mostly honest requests, some that fail, some that misbehave. */
import type pg from "pg";

/** What a piece of work may send; its answers are looked at by whoever sent it. */
export type Send = (text: string, values?: unknown[]) => Promise<readonly pg.QueryResultRow[]>;

export type Work = {
  verb: string;
  /** How many of a hundred requests are of this kind. */
  share: number;
  /** The SQLSTATE that it must end with; undefined when it must be answered. */
  code?: string;
  /** Whether only withTenant() can be asked: PostGraphile sends no such thing. */
  isMischief?: boolean;
  run(send: Send, canary: string, n: number): Promise<unknown>;
};

/** Everything that says whose transaction it is; one row, whoever asks. */
const WHO = `
  select tenants.id as tenant_id, tenants.name, users.id as user_id, users.name as user_name,
    memberships.role, pg_catalog.current_setting('app.writable_tenant_id') as writable
  from app_public.tenants, app_public.users, app_public.memberships`;

/** What the tenant did so far, in its own words. */
const LOG = `
  select audit_entries.changes::text
  from app_public.audit_entries
  order by audit_entries.occurred_at desc
  limit 5`;

const RENAME = "update app_public.tenants set name = $1 returning tenants.name";

export const WORKS: readonly Work[] = [
  { verb: "read", share: 32, run: (send) => send(WHO) },
  { verb: "read the log", share: 8, run: (send) => send(LOG) },
  {
    verb: "read, write, read",
    share: 26,
    async run(send, canary, n) {
      const before = await send(WHO);
      return [before, await send(RENAME, [`${canary} ${n}`]), await send(WHO)];
    },
  },
  { verb: "read for a while", share: 3, run: (send) => send(`${WHO}, pg_catalog.pg_sleep(0.02)`) },
  { verb: "divide by zero", share: 5, code: "22012", run: (send) => send("select 1 / 0") },
  { verb: "break a constraint", share: 5, code: "23514", run: (send) => send(RENAME, [""]) },
  {
    verb: "write, then fail",
    share: 4,
    code: "42601",
    async run(send, canary) {
      await send(RENAME, [`${canary} never`]);
      return send("selec");
    },
  },
  {
    verb: "ask for what is forbidden",
    share: 3,
    code: "42501",
    run: (send) => send("select auth.users.email from auth.users"),
  },
  {
    verb: "set permissions for the session",
    share: 3,
    isMischief: true,
    run: (send) => send("set app.permissions = 'left behind'"),
  },
  {
    verb: "become the role for the session",
    share: 3,
    isMischief: true,
    run: (send) => send("set role app_user"),
  },
  {
    verb: "leave a cursor open",
    share: 3,
    isMischief: true,
    run: (send) => send(`declare left_behind cursor with hold for ${WHO}`),
  },
];
