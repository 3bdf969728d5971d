/** Rules about how tables are made: keys, columns, indexes, names. */
import {
  functionNamed,
  PARTED,
  REPORTS,
  TABLE,
  thing,
  THINGS,
  type RuleCases,
} from "./audit_case.ts";

export const TABLE_CASES: Readonly<Record<string, RuleCases>> = {
  foreign_key_index: {
    bad: [
      {
        sql: thing(
          `alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id) references ${THINGS} (tenant_id, id)`,
        ),
        object: "f on app_public.things",
      },
      {
        // Whatever the index holds beside its key is not searched by.
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id); create index on ${THINGS} (tenant_id) include (parent_id)`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id); create index on ${THINGS} (tenant_id, parent_id) where name = ''`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id); create index on ${THINGS} (tenant_id, name, parent_id)`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id); create index on ${THINGS} using brin (tenant_id, parent_id)`),
        object: "f on app_public.things",
      },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
        references ${THINGS} (tenant_id, id); create index on ${THINGS} (parent_id, tenant_id, name)`),
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
        references ${THINGS} (tenant_id, id);
        create index on ${THINGS} (tenant_id, parent_id) where parent_id is not null`),
    ],
  },
  foreign_key_tenant: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (id);
          alter table ${THINGS} add constraint f foreign key (parent_id) references ${THINGS} (id)`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (parent_id, tenant_id)
          references ${THINGS} (tenant_id, id)`),
        object: "f on app_public.things",
      },
      {
        sql: thing(
          `alter table ${THINGS} add constraint f foreign key (parent_id) references app_public.tenants (id)`,
        ),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id) on delete set null`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id) on update cascade`),
        object: "f on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (id);
          create table app_private.notes (thing_id uuid);
          alter table app_private.notes add constraint f foreign key (thing_id) references ${THINGS} (id)`),
        object: "f on app_private.notes",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id) not valid`),
        object: "f on app_public.things",
      },
      {
        sql: `${REPORTS} ${TABLE} alter table ${THINGS} add constraint u unique (id);
          create table reports."Notes" (tenant_id uuid not null, "Thing" uuid,
            constraint f foreign key ("Thing") references ${THINGS} (id) on delete set null)`,
        object: 'f on reports."Notes"',
      },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
        references ${THINGS} (tenant_id, id) on delete set null (parent_id)`),
      thing(
        `alter table ${THINGS} add constraint f foreign key (tenant_id) references app_public.tenants (id) on delete cascade`,
      ),
      thing(
        `alter table ${THINGS} add constraint f foreign key (user_id) references app_public.users (id) on delete set null`,
      ),
    ],
  },
  names_and_comments: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add check (name <> '')`),
        object: "things_name_check on app_public.things",
      },
      {
        sql: thing(`alter table ${THINGS} add foreign key (user_id) references app_public.users`),
        object: "things_user_id_fkey on app_public.things",
      },
      { sql: thing(`comment on table ${THINGS} is null`), object: THINGS },
      {
        sql: "create function app_public.f() returns int language sql return 1",
        object: "app_public.f()",
      },
      { sql: "create view app_public.v as select 1 as one", object: "app_public.v" },
      { sql: "create type app_public.t as (one int)", object: "app_public.t" },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint things_name_not_empty check (name <> '')`),
      functionNamed("f", "language sql return 1"),
    ],
  },
  tenant_id_fixed: {
    bad: [
      { sql: thing(`grant update (tenant_id) on ${THINGS} to app_user`), object: THINGS },
      { sql: thing(`grant insert on ${THINGS} to app_user`), object: THINGS },
      { sql: thing(`grant update on ${THINGS} to app_anonymous`), object: THINGS },
      { sql: thing(`grant insert on ${THINGS} to public`), object: THINGS },
      { sql: thing(`grant insert (tenant_id) on ${THINGS} to public`), object: THINGS },
      { sql: thing(`grant all on ${THINGS} to app_user, app_anonymous, public`), object: THINGS },
      {
        sql: `${REPORTS} create table reports.sums (tenant_id uuid not null);
          grant insert on reports.sums to app_user`,
        object: "reports.sums",
      },
      { sql: "create table app_public.loose (tenant_id uuid)", object: "app_public.loose" },
      { sql: "create table app_public.odd (tenant_id text not null)", object: "app_public.odd" },
    ],
    good: [TABLE],
  },
  unique_tenant: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (name)`),
        object: "app_public.u",
      },
      {
        sql: thing(`create unique index u on ${THINGS} (lower(name)) include (tenant_id)`),
        object: "app_public.u",
      },
      {
        sql: thing(`alter table ${THINGS} drop constraint things_pkey;
          alter table ${THINGS} add constraint things_pkey primary key (id)`),
        object: "app_public.things_pkey",
      },
      {
        sql: thing(`create unique index "U" on ${THINGS} (name) where name <> ''`),
        object: 'app_public."U"',
      },
      {
        sql: thing(`alter table ${THINGS} add constraint u exclude using btree (name with =)`),
        object: "app_public.u",
      },
      {
        sql: "alter table app_public.tenants add constraint u unique (name)",
        object: "app_public.u",
      },
      {
        sql: thing(`create extension btree_gist; alter table ${THINGS}
          add constraint u exclude using gist (name with =, tenant_id with <>)`),
        object: "app_public.u",
      },
      {
        // Nobody gets into its schema, but rows get into it.
        sql: `${PARTED} create schema elsewhere;
          create table elsewhere.part_2 partition of app_public.parts for values in (2);
          create unique index u on elsewhere.part_2 (n)`,
        object: "elsewhere.u",
      },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint u unique (name, tenant_id)`),
      thing(`create extension btree_gist; alter table ${THINGS}
        add constraint u exclude using gist (name with =, tenant_id with =)`),
      thing(`create index u on ${THINGS} (name)`),
    ],
  },
  sequence_column: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add column n bigint generated always as identity`),
        object: "n of app_public.things",
      },
      { sql: thing(`alter table ${THINGS} add column n serial`), object: "n of app_public.things" },
      {
        sql: thing(`alter table ${THINGS}
          add column n bigint default nextval('app_private.stripe_sync_seq')`),
        object: "n of app_public.things",
      },
    ],
    good: [thing(`alter table ${THINGS} add column n bigint generated always as (1) stored`)],
  },
  tenant_id_default: {
    bad: [
      { sql: thing(`alter table ${THINGS} alter column tenant_id drop default`), object: THINGS },
      {
        sql: thing(`alter table ${THINGS} alter column tenant_id set default gen_random_uuid()`),
        object: THINGS,
      },
    ],
    good: [
      TABLE,
      thing(
        `alter table ${THINGS} alter column tenant_id set default app_private.member_tenant_id()`,
      ),
      thing(`revoke insert on ${THINGS} from app_user;
        alter table ${THINGS} alter column tenant_id drop default`),
    ],
  },
  tenant_reference: {
    bad: [
      { sql: TABLE, object: THINGS },
      {
        // A reference to itself leads nowhere.
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id)`),
        object: THINGS,
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id)
          references app_public.users (id)`),
        object: THINGS,
      },
    ],
    good: [
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id)
        references app_public.tenants (id)`),
      thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
        references app_public.projects (tenant_id, id)`),
      `${PARTED} alter table app_public.parts add constraint f foreign key (tenant_id)
        references app_public.tenants (id)`,
    ],
  },
};
