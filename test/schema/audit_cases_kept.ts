/** Rules about what is kept for tenants, and is not theirs to write. */
import { TABLE, thing, THINGS, type RuleCases } from "./audit_case.ts";

export const KEPT_CASES: Readonly<Record<string, RuleCases>> = {
  audit_log: {
    bad: [
      {
        sql: `grant insert (action, table_name, actor_kind, changes) on app_public.audit_entries to app_user;
          create policy p on app_public.audit_entries
            for insert to app_user with check (tenant_id = app_private.writable_tenant_id())`,
        object: "app_public.audit_entries",
      },
      {
        sql: "grant update (changes) on app_public.audit_entries to app_definer",
        object: "app_public.audit_entries",
      },
      {
        sql: "grant delete on app_public.audit_entries to app_worker",
        object: "app_public.audit_entries",
      },
      { sql: TABLE, object: THINGS },
      {
        sql: "drop trigger _900_audit on app_public.memberships",
        object: "app_public.memberships",
      },
      {
        sql: `create or replace trigger _900_audit after insert or update on app_public.api_keys
          for each row execute function app_private.tg__audit()`,
        object: "app_public.api_keys",
      },
      {
        sql: `create or replace trigger _900_audit after insert or update or delete on app_public.tenants
          for each row when (pg_trigger_depth() > 1) execute function app_private.tg__audit()`,
        object: "app_public.tenants",
      },
      {
        sql: "alter table app_public.invitations disable trigger _900_audit",
        object: "app_public.invitations",
      },
    ],
    good: [
      thing(`create trigger log after insert or update or delete on ${THINGS}
        for each row execute function app_private.tg__audit('name')`),
      "grant select on app_public.audit_entries to app_worker",
      "create table app_public.shared (id uuid)",
    ],
  },
  kept_tables: {
    bad: [
      {
        sql: `grant update (role) on app_public.memberships to app_user;
          create policy u on app_public.memberships for update to app_user
            using (tenant_id = app_private.writable_tenant_id())
            with check (tenant_id = app_private.writable_tenant_id())`,
        object: "app_public.memberships",
      },
      { sql: "grant delete on app_public.api_keys to app_user", object: "app_public.api_keys" },
      {
        sql: "grant insert on app_private.stripe_subscriptions to app_anonymous",
        object: "app_private.stripe_subscriptions",
      },
      {
        sql: `create role writers; grant writers to app_user;
          grant update (status) on app_public.invoices to writers`,
        object: "app_public.invoices",
      },
      { sql: thing(`grant update on ${THINGS} to app_worker`), object: THINGS },
      { sql: thing(`grant update (id, name) on ${THINGS} to app_definer`), object: THINGS },
      { sql: thing(`grant insert on ${THINGS} to app_worker`), object: THINGS },
      { sql: thing(`grant delete on ${THINGS} to app_definer`), object: THINGS },
      {
        sql: thing(`grant update (user_id) on ${THINGS} to app_worker;
          grant insert (user_id) on ${THINGS} to app_user`),
        object: THINGS,
      },
    ],
    good: [
      TABLE,
      thing(`grant select on ${THINGS} to app_definer`),
      // A task keeps a column that nobody else writes, and deletes what is old.
      thing(`grant delete, update (user_id) on ${THINGS} to app_worker`),
    ],
  },
  parameter_rights: {
    bad: [
      {
        sql: "grant set on parameter session_replication_role to app_user",
        object: "app_user",
      },
      {
        sql: `create role tuners; grant tuners to app_worker;
          grant set, alter system on parameter work_mem to tuners`,
        object: "tuners",
      },
      { sql: "grant set on parameter session_replication_role to public", object: "public" },
    ],
    good: ["grant set on parameter session_replication_role to rowhouse_migrator"],
  },
  person_reference: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (user_id)
          references app_public.users (id); grant insert (user_id) on ${THINGS} to app_user`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} alter column user_id set not null, add constraint f
          foreign key (user_id) references auth.users (id) on delete cascade;
          grant update (user_id) on ${THINGS} to public`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} alter column user_id set not null, add constraint f
          foreign key (user_id) references app_public.users (id) on delete restrict;
          grant update (user_id) on ${THINGS} to app_user`),
        object: "f on app_public.things",
      },
      {
        sql: `create table app_public.follows (user_id uuid constraint f references app_public.users (id));
          grant insert on app_public.follows to app_user`,
        object: "f on app_public.follows",
      },
    ],
    good: [
      // By its default, that is: by whoever is there.
      thing(`alter table ${THINGS} add constraint f foreign key (user_id)
        references app_public.users (id) on delete set null;
        alter table ${THINGS} alter column user_id set default app_private.current_user_id()`),
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, user_id)
        references app_public.memberships (tenant_id, user_id) on delete set null (user_id);
        grant insert (user_id) on ${THINGS} to app_user`),
    ],
  },
};
