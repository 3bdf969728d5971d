/** Rules about indexes of tenants' tables. */
import { thing, THINGS, type RuleCases } from "./audit_case.ts";

export const INDEX_CASES: Readonly<Record<string, RuleCases>> = {
  index_leakproof: {
    bad: [
      ...["numeric", "jsonb", "int[]", "tsvector"].map((type) => ({
        sql: thing(`alter table ${THINGS} add column x ${type};
          create index i on ${THINGS} (tenant_id, x)`),
        object: "app_public.i",
      })),
      {
        sql: thing(`create type app_private.mood as enum ('sad'); alter table ${THINGS}
          add column mood app_private.mood; create index i on ${THINGS} (tenant_id, mood)`),
        object: "app_public.i",
      },
      {
        sql: thing(`create index i on ${THINGS} (tenant_id, lower(name))`),
        object: "app_public.i",
      },
      {
        sql: thing(`create index i on ${THINGS} using gin (to_tsvector('english', name))`),
        object: "app_public.i",
      },
    ],
    good: [
      thing(`create index i on ${THINGS} (tenant_id, name, user_id) include (parent_id)`),
      "create index i on app_public.plans (lower(name))",
      thing(`create index i on ${THINGS} using gin (to_tsvector('english', name));
        create policy s on ${THINGS} for select to app_searcher using (true)`),
    ],
  },
  index_tenant_first: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (name, tenant_id)`),
        object: "app_public.u",
        severity: "warning",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (user_id) references app_public.users;
          create index i on ${THINGS} (user_id, name)`),
        object: "app_public.i",
        severity: "error",
      },
      {
        sql: thing(`create index i on ${THINGS} (name, tenant_id)`),
        object: "app_public.i",
        severity: "warning",
      },
      ...[
        thing(`create index i on ${THINGS} using spgist (name)`),
        "create index i on app_public.tenants (name)",
        "create unique index i on app_public.users (email)",
        thing(`create index i on ${THINGS} (name)`),
        thing(`create index i on ${THINGS} (name) include (tenant_id)`),
        thing(`create index i on ${THINGS} (lower(name))`),
        thing(`create index i on ${THINGS} using brin (name)`),
      ].map((sql) => ({ sql, object: "app_public.i", severity: "error" as const })),
      {
        sql: thing(`alter table ${THINGS} add column x point;
          create index i on ${THINGS} using gist (x)`),
        object: "app_public.i",
        severity: "error",
      },
      {
        sql: thing(`alter table ${THINGS} add constraint u unique (name)`),
        object: "app_public.u",
        severity: "error",
      },
    ],
    good: [
      thing(`create unique index i on ${THINGS} (name);
        revoke select on ${THINGS} from app_user`),
      thing(`create index i on ${THINGS} using gin (to_tsvector('english', name))`),
      thing(`create index i on ${THINGS} (tenant_id, name)`),
      thing(`alter table ${THINGS} add constraint f foreign key (user_id) references app_public.users;
        create index i on ${THINGS} (user_id, tenant_id, name)`),
    ],
  },
};
