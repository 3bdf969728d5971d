/** Rules about who gets in: policies, rights, roles, functions and views. */
import {
  functionNamed,
  pinned,
  policy,
  POLICY,
  TABLE,
  thing,
  THINGS,
  type RuleCases,
} from "./audit_case.ts";

export const ACCESS_CASES: Readonly<Record<string, RuleCases>> = {
  definer_pinned: {
    bad: [
      {
        sql: `${functionNamed("f", pinned)} alter function app_private.f() owner to app_definer`,
        object: "app_private.f()",
      },
      {
        sql: "alter function app_public.my_tenants() reset search_path",
        object: "app_public.my_tenants()",
      },
      {
        sql: "alter function app_public.my_tenants() set search_path = public",
        object: "app_public.my_tenants()",
      },
      {
        sql: "alter function app_public.my_tenants() owner to rowhouse_owner",
        object: "app_public.my_tenants()",
      },
    ],
    good: [functionNamed("f", "language sql return 1")],
  },
  policy_canonical: {
    bad: [
      "for insert to app_user with check (true)",
      "for insert to app_user with check (tenant_id = app_private.current_tenant_id())",
      "for update to app_user using (tenant_id = app_private.member_tenant_id())",
      "for delete to app_user using (tenant_id = app_private.writable_tenant_id() or name = '')",
      "for delete to app_user using (not (tenant_id = app_private.writable_tenant_id()))",
      "for delete to app_user using (id = app_private.writable_tenant_id())",
      "for delete to app_user using (tenant_id = (select app_private.writable_tenant_id()))",
      "for delete to app_user using (tenant_id in (select tenant_id from app_public.memberships))",
      "for delete to app_user using (tenant_id = app_private.writable_tenant_id() and exists (select from app_public.plans))",
      "for delete to app_user using (tenant_id = app_private.writable_tenant_id() is not false)",
      "for delete to app_user using (coalesce(tenant_id = app_private.writable_tenant_id(), true))",
      "for update to app_user using (tenant_id = app_private.writable_tenant_id()) with check (true)",
      "for all to app_user using (tenant_id = app_private.writable_tenant_id()) with check (true)",
      "for select to app_anonymous using (true)",
      "for select to app_worker using (true)",
      "for select to app_definer using (true)",
      "for select to app_identity using (true)",
      "for insert to public with check (true)",
    ].map((rest) => ({ sql: policy(rest), object: POLICY })),
    good: [
      policy("for insert to app_user with check (tenant_id = app_private.writable_tenant_id())"),
      policy("for select to app_worker using (tenant_id = app_private.member_tenant_id())"),
      policy(`for delete to app_user using (
        tenant_id = app_private.writable_tenant_id() and app_private.has_permission('things.manage')
        and user_id = app_private.current_user_id())`),
      policy(`for update to app_user using (tenant_id = app_private.writable_tenant_id())
        with check (tenant_id = app_private.writable_tenant_id())`),
    ],
  },
  policy_functions: {
    bad: [
      {
        sql: "alter function app_private.current_tenant_id() volatile",
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
        sql: functionNamed("f", "language sql leakproof return 1"),
        object: "app_private.f()",
      },
    ],
    good: [functionNamed("f", "language plpgsql as 'begin return 1; end'")],
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
  privileges: {
    bad: [
      ...["truncate", "references", "trigger", "references (name)", "all"].map((right) => ({
        sql: thing(`grant ${right} on ${THINGS} to app_user`),
        object: "app_public.things for app_user",
      })),
      { sql: thing(`grant select on ${THINGS} to public`), object: "app_public.things for public" },
      {
        sql: thing(`grant select (name) on ${THINGS} to app_worker with grant option`),
        object: "app_public.things for app_worker",
      },
    ],
    good: [thing(`grant select, insert (name), update (name), delete on ${THINGS} to app_worker`)],
  },
  public_execute: {
    bad: [
      {
        sql: "create function app_private.f() returns int language sql return 1",
        object: "app_private.f()",
      },
      {
        sql: "create procedure app_public.p() language sql as ''",
        object: "app_public.p()",
      },
    ],
    good: [functionNamed("f", "language sql return 1")],
  },
  rls_forced: {
    bad: [
      { sql: thing(`alter table ${THINGS} disable row level security`), object: THINGS },
      { sql: thing(`alter table ${THINGS} no force row level security`), object: THINGS },
      {
        sql: thing(`create table app_public.part (id int) partition by hash (id)`),
        object: "app_public.part",
      },
      { sql: "create table auth.mine ()", object: "auth.mine" },
    ],
    good: [TABLE],
  },
  roles: {
    bad: [
      { sql: "alter role rowhouse_server bypassrls", object: "rowhouse_server" },
      { sql: "alter role app_user superuser", object: "app_user" },
      { sql: "alter role rowhouse_worker createrole", object: "rowhouse_worker" },
      { sql: "alter role rowhouse_server inherit", object: "rowhouse_server" },
      { sql: "grant rowhouse_owner to rowhouse_server", object: "rowhouse_server" },
      { sql: "grant app_worker to app_user", object: "app_user" },
      { sql: "grant pg_read_all_data to app_user", object: "app_user" },
    ],
    good: ["create role somebody_else superuser"],
  },
  unaudited_schema: {
    bad: [
      {
        sql: "create table public.mine (id int); grant select on public.mine to app_user",
        object: "public.mine",
      },
      {
        sql: "create table public.mine (id int); grant update (id) on public.mine to public",
        object: "public.mine",
      },
      {
        sql: `grant usage on schema graphile_worker to app_user;
          grant select on graphile_worker._private_jobs to app_user`,
        object: "graphile_worker._private_jobs",
      },
    ],
    good: ["create table public.mine (id int)"],
  },
  view_invoker: {
    bad: [
      { sql: "create view app_public.v as select 1 as one", object: "app_public.v" },
      {
        sql: "create view app_public.v with (security_invoker = false) as select 1 as one",
        object: "app_public.v",
      },
      { sql: "create materialized view app_private.m as select 1 as one", object: "app_private.m" },
      { sql: "create view auth.v as select 1 as one", object: "auth.v" },
    ],
    good: [
      "create view app_public.v with (security_invoker = true) as select 1 as one",
      "create view app_public.v with (security_invoker) as select 1 as one",
      "create view app_public.v with (security_invoker = on) as select 1 as one",
    ],
  },
};
