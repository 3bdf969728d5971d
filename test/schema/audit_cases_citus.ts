/** What would keep the schema from being distributed on Citus. */
import { policy, POLICY, TABLE, thing, THINGS, type RuleCases } from "./audit_case.ts";

export const CITUS_CASES: Readonly<Record<string, RuleCases>> = {
  "citus/policy_subquery": {
    bad: [
      {
        sql: policy(
          "for delete to app_user using (tenant_id = (select app_private.writable_tenant_id()))",
        ),
        object: POLICY,
      },
      {
        sql: policy("for insert to app_user with check (exists (select from app_public.plans))"),
        object: POLICY,
      },
    ],
    good: [policy("for delete to app_user using (tenant_id = app_private.writable_tenant_id())")],
  },
  "citus/policy_restrictive": {
    bad: [{ sql: policy("as restrictive for delete to app_user using (true)"), object: POLICY }],
    good: [policy("for delete to app_user using (true)")],
  },
  "citus/key_without_tenant": {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (name)`),
        object: "app_public.u",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint u exclude using btree (name with =)`),
        object: "app_public.u",
      },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint u unique (name, tenant_id)`),
      "create unique index u on app_public.plans (name)",
    ],
  },
  "citus/foreign_key_tenant": {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (id);
          alter table ${THINGS} add constraint f foreign key (parent_id) references ${THINGS} (id)`),
        object: `f on ${THINGS}`,
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id) on delete set null (parent_id)`),
        object: `f on ${THINGS}`,
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (parent_id)
          references app_public.tenants (id)`),
        object: `f on ${THINGS}`,
      },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
        references app_public.projects (tenant_id, id) on delete cascade`),
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id)
        references app_public.tenants (id) on delete cascade`),
    ],
  },
  "citus/trigger": {
    bad: [
      {
        sql: `${TABLE} create function app_private.t() returns trigger language plpgsql
            as 'begin return new; end';
          create trigger t after insert on ${THINGS} for each row execute function app_private.t()`,
        object: "app_private.t()",
      },
    ],
    good: [TABLE],
  },
  "citus/sequence_column": {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add column n bigint generated always as identity`),
        object: `n of ${THINGS}`,
      },
      { sql: thing(`alter table ${THINGS} add column n serial`), object: `n of ${THINGS}` },
    ],
    good: [TABLE],
  },
  "citus/tenant_id_type": {
    bad: [
      { sql: "create table app_public.odd (tenant_id text not null)", object: "app_public.odd" },
      { sql: "create table app_public.loose (tenant_id uuid)", object: "app_public.loose" },
    ],
    good: [TABLE],
  },
  "citus/reference_table": {
    bad: [
      {
        sql: thing(`create table app_public.colours (key text primary key);
          alter table ${THINGS} add constraint f foreign key (name) references app_public.colours`),
        object: "app_public.colours",
      },
    ],
    good: ["create table app_public.colours (key text primary key)"],
  },
};
