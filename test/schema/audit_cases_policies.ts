/** Rules about policies, and about what they trust. */
import {
  functionNamed,
  PARTED,
  policy,
  POLICY,
  REPORTS,
  TABLE,
  thing,
  THINGS,
  type RuleCases,
} from "./audit_case.ts";

const WRITABLE = "tenant_id = app_private.writable_tenant_id()";

export const POLICY_CASES: Readonly<Record<string, RuleCases>> = {
  policy_canonical: {
    bad: [
      ...[
        "for insert to app_user with check (true)",
        "for insert to app_user with check (tenant_id = app_private.current_tenant_id())",
        "for update to app_user using (tenant_id = app_private.member_tenant_id())",
        `for delete to app_user using (${WRITABLE} or name = '')`,
        `for delete to app_user using (not (${WRITABLE}))`,
        "for delete to app_user using (id = app_private.writable_tenant_id())",
        "for delete to app_user using (tenant_id = (select app_private.writable_tenant_id()))",
        "for delete to app_user using (tenant_id in (select tenant_id from app_public.memberships))",
        `for delete to app_user using (${WRITABLE} and exists (select from app_public.plans))`,
        `for delete to app_user using (${WRITABLE} is not false)`,
        `for delete to app_user using (coalesce(${WRITABLE}, true))`,
        `for update to app_user using (${WRITABLE}) with check (true)`,
        `for all to app_user using (${WRITABLE}) with check (true)`,
        // Also a key without the scope to read, and people of a suspended tenant.
        "for select to app_user using (tenant_id = app_private.member_tenant_id())",
        "for select to app_user using (tenant_id = app_private.member_tenant_id() and user_id = app_private.current_user_id())",
        "for select to app_anonymous using (true)",
        "for select to app_worker using (true)",
        "for select to app_definer using (true)",
        "for select to app_identity using (true)",
        "for insert to public with check (true)",
      ].map((rest) => ({ sql: policy(rest), object: POLICY })),
      {
        // An excused policy that lets in one role more.
        sql: "alter policy select_system on app_public.tenants to app_definer, app_worker, app_user",
        object: "select_system on app_public.tenants",
      },
      ...["app_public.tenants", "app_public.users"].map((table) => ({
        // An excused policy of one command that becomes one of all.
        sql: `drop policy select_system on ${table}; create policy select_system on ${table}
          for all to app_definer, app_worker${table.endsWith("users") ? ", app_identity" : ""}
          using (true) with check (true)`,
        object: `select_system on ${table}`,
      })),
      {
        // A column whose name is what a policy would say.
        sql: `${TABLE} alter table ${THINGS} add column "${WRITABLE}" boolean;
          create policy p on ${THINGS} for delete to app_user using ("${WRITABLE}")`,
        object: POLICY,
      },
      {
        // Its own "=", which a search path that holds it would print as the real one.
        sql: `${TABLE} ${functionNamed("f", "language sql return 1")}
          create function app_private.same(uuid, uuid) returns boolean language sql return true;
          create operator app_private.= (leftarg = uuid, rightarg = uuid, function = app_private.same);
          create policy p on ${THINGS} for delete to app_user
            using (tenant_id operator(app_private.=) app_private.writable_tenant_id())`,
        object: POLICY,
      },
      {
        sql: `${REPORTS} create table reports."Mixed Case" (tenant_id uuid not null);
          grant select on reports."Mixed Case" to app_user;
          create policy "All of it" on reports."Mixed Case" for select to app_user using (true)`,
        object: 'All of it on reports."Mixed Case"',
      },
      {
        sql: `${PARTED} create policy p on app_private.part_1 for select to app_user using (true)`,
        object: "p on app_private.part_1",
      },
    ],
    good: [
      policy(`for insert to app_user with check (${WRITABLE})`),
      policy("for select to app_worker using (tenant_id = app_private.member_tenant_id())"),
      policy(`for select to app_user
        using (tenant_id = app_private.member_tenant_id() and app_private.has_permission('a.b'))`),
      policy(`for delete to app_user using (
        ${WRITABLE} and app_private.has_permission('things.manage')
        and user_id = app_private.current_user_id())`),
      policy(`for update to app_user using (${WRITABLE}) with check (${WRITABLE})`),
      "create table public.nobodys (id int); create policy p on public.nobodys using (true)",
    ],
  },
  policy_functions: {
    bad: [
      {
        sql: "alter function app_private.current_tenant_id() volatile",
        object: "app_private.current_tenant_id()",
      },
      {
        // It would be called as the statement is planned, and the plan may serve another tenant.
        sql: "alter function app_private.current_tenant_id() immutable",
        object: "app_private.current_tenant_id()",
      },
      {
        sql: "alter function app_private.has_permission(text) parallel unsafe",
        object: "app_private.has_permission(text)",
      },
      {
        sql: "alter function app_private.member_tenant_id() set search_path = ''",
        object: "app_private.member_tenant_id()",
      },
      {
        sql: "alter function app_private.writable_tenant_id() security definer",
        object: "app_private.writable_tenant_id()",
      },
      {
        sql: `create function public.mine() returns boolean language plpgsql as 'begin return true; end';
          ${policy("for delete to app_user using (public.mine())")}`,
        object: "public.mine()",
      },
      {
        // A text finds its names by the reader's search_path.
        sql: `create function app_private.mine() returns boolean language sql stable parallel safe
          as 'select true'; ${policy("for delete to app_user using (app_private.mine())")}`,
        object: "app_private.mine()",
      },
    ],
    good: [
      functionNamed("f", "language plpgsql as 'begin return 1; end'"),
      `create function app_private.mine() returns boolean language sql stable parallel safe
        return true; ${policy("for delete to app_user using (app_private.mine())")}`,
    ],
  },
  settings_functions: {
    bad: [
      {
        sql: `create function app_private.writable_tenant_id(anyone text default '') returns uuid
          language sql stable parallel safe return anyone::uuid`,
        object: "app_private.writable_tenant_id(text)",
      },
      {
        sql: `create function app_private.refuse_tenant() returns uuid
          language plpgsql stable parallel safe as 'begin return null; end'`,
        object: "app_private.refuse_tenant()",
      },
      {
        sql: "alter function app_private.current_user_id() rename to who",
        object: "app_private.current_user_id()",
      },
      {
        sql: "drop function app_private.api_key_lacks_scope()",
        object: "app_private.api_key_lacks_scope()",
      },
    ],
    good: [functionNamed("current_tenant_name", "language sql return 1")],
  },
  policy_missing: {
    bad: [
      { sql: TABLE, object: THINGS },
      { sql: thing(`grant select on ${THINGS} to app_worker`), object: THINGS },
      { sql: thing(`grant update (name) on ${THINGS} to app_definer`), object: THINGS },
      {
        sql: `${REPORTS} create table reports.sums (n int); grant select on reports.sums to app_user`,
        object: "reports.sums",
      },
      // What functions and tasks write in tenants' tables is no person's to write.
      ...[
        ["app_public.billing_accounts", "update (stripe_customer_id)"],
        ["app_private.usage_counters", "update (used)"],
        ["app_public.audit_entries", "delete"],
        ["app_public.memberships", "update (role)"],
        ["app_public.invitations", "insert (role)"],
        ["app_public.api_keys", "update (scopes)"],
      ].map(([table = "", right = ""]) => ({
        sql: `grant ${right} on ${table} to app_user`,
        object: table,
      })),
    ],
    good: [
      thing(`revoke insert, update, delete on ${THINGS} from app_user`),
      thing(`create policy a on ${THINGS} for all to app_user using (${WRITABLE})`),
    ],
  },
  policy_unused: {
    bad: [
      {
        sql: thing(`revoke all on ${THINGS} from app_user`),
        object: `select_tenant on ${THINGS}`,
      },
      { sql: policy(`for insert to app_worker with check (${WRITABLE})`), object: POLICY },
      {
        sql: thing(`revoke update on ${THINGS} from app_user;
          create policy p on ${THINGS} for update to app_user using (${WRITABLE})`),
        object: POLICY,
      },
    ],
    good: [policy(`for update to app_user using (${WRITABLE})`)],
  },
  policy_one_per_command: {
    bad: [
      { sql: policy("for select to app_user using (name = '')"), object: THINGS },
      { sql: policy("for all to app_user, app_worker using (name = '')"), object: THINGS },
      { sql: policy("as restrictive for delete to app_user using (true)"), object: THINGS },
    ],
    good: [
      policy("for delete to app_user using (true)"),
      policy("for select to app_worker using (true)"),
    ],
  },
  policy_roles: {
    bad: [
      { sql: policy("for delete using (true)"), object: POLICY },
      { sql: policy("for delete to public using (true)"), object: POLICY },
    ],
    good: [policy("for delete to app_user using (true)")],
  },
  policy_update_check: {
    bad: [
      { sql: policy("for update to app_user using (name = '')"), object: POLICY },
      { sql: policy("for update to app_user using (name = '') with check (true)"), object: POLICY },
      { sql: policy("for all to app_worker using (name = '') with check (true)"), object: POLICY },
    ],
    good: [
      policy("for update to app_user using (name = '') with check (name = '')"),
      policy("for delete to app_user using (name = '')"),
    ],
  },
  rls_forced: {
    bad: [
      { sql: thing(`alter table ${THINGS} disable row level security`), object: THINGS },
      { sql: thing(`alter table ${THINGS} no force row level security`), object: THINGS },
      { sql: PARTED, object: "app_public.parts" },
      { sql: PARTED, object: "app_private.part_1" },
      {
        sql: `${PARTED} create schema elsewhere; create table elsewhere.part_2
          partition of app_public.parts for values in (2) partition by list (n);
          create table elsewhere.part_2_2 partition of elsewhere.part_2 for values in (2)`,
        object: "elsewhere.part_2_2",
      },
      { sql: "create table auth.mine ()", object: "auth.mine" },
      { sql: 'create table app_public."Mixed" ()', object: 'app_public."Mixed"' },
      {
        sql: "create table public.mine (id int); grant select on public.mine to app_user",
        object: "public.mine",
      },
      {
        sql: "create table public.mine (id int); grant update (id) on public.mine to public",
        object: "public.mine",
      },
      {
        // By way of a group that the role can become.
        sql: `create role readers; grant readers to app_user; create schema reports;
          grant usage on schema reports to readers; create table reports.sums (n int);
          grant select on reports.sums to readers`,
        object: "reports.sums",
      },
    ],
    good: [TABLE, "create table public.mine (id int)"],
  },
};
