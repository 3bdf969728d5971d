/** Rules about functions, triggers, rules and views: what runs with another's rights. */
import { functionNamed, pinned, REPORTS, thing, THINGS, type RuleCases } from "./audit_case.ts";

const RAISING = (message: string) => `
  create function app_private.f() returns int language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$ begin ${message} end $$`;

/** A function with its caller's rights, which nobody may call yet. */
const CALLING = (body: string) => `
  create function app_private.f(p text) returns void language plpgsql
  as $$ declare v record; begin ${body} end $$; revoke all on function app_private.f(text) from public;`;

export const FUNCTION_CASES: Readonly<Record<string, RuleCases>> = {
  definer_pinned: {
    bad: [
      {
        sql: "alter function app_public.my_tenants() reset search_path",
        object: "app_public.my_tenants()",
      },
      {
        sql: "alter function app_public.my_tenants() set search_path = public",
        object: "app_public.my_tenants()",
      },
    ],
    good: [functionNamed("f", pinned)],
  },
  definer_owner: {
    bad: [
      {
        sql: "alter function app_public.my_tenants() owner to rowhouse_owner",
        object: "app_public.my_tenants()",
      },
      { sql: functionNamed("f", pinned), object: "app_private.f()" },
    ],
    good: [`${functionNamed("f", pinned)} alter function app_private.f() owner to app_searcher`],
  },
  definer_callers: {
    bad: [
      ...["app_user", "app_anonymous", "public"].map((role) => ({
        sql: `grant execute on function app_private.enter(uuid, uuid, text, bytea) to ${role}`,
        object: "app_private.enter(uuid,uuid,text,bytea)",
      })),
      {
        sql: "grant execute on function app_public.my_tenants() to app_anonymous",
        object: "app_public.my_tenants()",
      },
      {
        sql: `create role callers; grant callers to app_user;
          grant execute on function app_private.enqueue_identity_mail(text, uuid, text) to callers`,
        object: "app_private.enqueue_identity_mail(text,uuid,text)",
      },
      {
        sql: `create function app_private.f() returns int ${pinned}`,
        object: "app_private.f()",
      },
    ],
    good: [
      functionNamed("f", pinned),
      `${functionNamed("f", "language sql return 1")}
        grant execute on function app_private.f() to app_user`,
      "grant execute on function app_public.create_tenant(text, text, text, text) to app_user",
    ],
  },
  definer_message: {
    bad: [
      { sql: RAISING("raise exception 'No such row: %', 1;"), object: "app_private.f()" },
      { sql: RAISING("raise 'It''s %', 1;"), object: "app_private.f()" },
      {
        sql: RAISING(
          "return 1; exception when others then raise exception using message = sqlerrm;",
        ),
        object: "app_private.f()",
      },
    ],
    good: [
      RAISING("raise exception 'No such row' using errcode = 'INPUT';"),
      functionNamed("f", "language plpgsql as $$ begin raise 'Not %', 1; end $$"),
    ],
  },
  function_commands: {
    bad: [
      ...[
        "execute format('set local app.current_tenant_id = %L', p);",
        'set local "app".current_tenant_id = 1;',
        "set local role app_identity;",
        "if true then /* for a moment */ set role to app_identity; end if;",
        "perform 1; -- for a moment\n reset role;",
        "set local row_security = off;",
        "for v in execute p loop null; end loop;",
      ].map((body) => ({
        sql: `${CALLING(body)} grant execute on function app_private.f(text) to app_user`,
        object: "app_private.f(text)",
      })),
      {
        sql: `create role callers; grant callers to app_anonymous;
          ${CALLING("execute p;")} grant execute on function app_private.f(text) to callers`,
        object: "app_private.f(text)",
      },
      {
        sql: `create function app_public.f() returns int language sql
          as $$ set local app.current_tenant_id = ''; select 1 $$`,
        object: "app_public.f()",
      },
      {
        sql: `create function app_private.f(text, p text) returns text language plpgsql
          as $$ begin execute p; return null; end $$;
          revoke all on function app_private.f(text, text) from public;
          create aggregate app_public.a(text) (sfunc = app_private.f, stype = text)`,
        object: "app_private.f(text,text)",
      },
      {
        sql: `create function app_private.tg_f() returns trigger language plpgsql
          as $$ begin execute tg_argv[0]; return null; end $$;
          revoke all on function app_private.tg_f() from public`,
        object: "app_private.tg_f()",
      },
    ],
    good: [
      `${CALLING("update app_public.memberships set role = p; /* begin set role x; execute p */")}
        grant execute on function app_private.f(text) to app_user`,
      `${CALLING("set local lock_timeout = '1s';")} grant execute on function app_private.f(text) to app_user`,
      // What a deployment calls, and nobody else.
      CALLING("execute p; set local role app_user;"),
    ],
  },
  public_execute: {
    bad: [
      {
        sql: "create function app_private.f() returns int language sql return 1",
        object: "app_private.f()",
      },
      { sql: "create procedure app_public.p() language sql as ''", object: "app_public.p()" },
      {
        sql: `create function public.f() returns int ${pinned}`,
        object: "public.f()",
      },
      {
        sql: `${functionNamed("f", "language sql return 1")}
          create function app_private.f(n int) returns int language sql return 1`,
        object: "app_private.f(integer)",
      },
      {
        sql: `${REPORTS} create function reports.f() returns int language sql return 1`,
        object: "reports.f()",
      },
    ],
    good: [
      functionNamed("f", "language sql return 1"),
      "create function public.f() returns int language sql return 1",
    ],
  },
  leakproof: {
    bad: [
      { sql: functionNamed("f", "language sql leakproof return 1"), object: "app_private.f()" },
      {
        sql: "alter function pg_catalog.texticlike(text, text) leakproof",
        object: "texticlike(text,text)",
      },
      {
        sql: "create function public.f() returns int language sql leakproof return 1",
        object: "public.f()",
      },
    ],
    good: [functionNamed("f", "language sql return 1")],
  },
  rewrite_rules: {
    bad: [
      {
        sql: thing(`create rule r as on insert to ${THINGS} do also select 1`),
        object: `r on ${THINGS}`,
      },
    ],
    good: ["create view app_public.v with (security_invoker) as select 1 as one"],
  },
  triggers_enabled: {
    bad: [
      {
        sql: thing(`alter table ${THINGS} add constraint f foreign key (tenant_id, parent_id)
          references ${THINGS} (tenant_id, id); alter table ${THINGS} disable trigger all`),
        object: `f on ${THINGS}`,
      },
      {
        sql: "alter table auth.users disable trigger _100_mirror",
        object: "_100_mirror on auth.users",
      },
      {
        sql: "alter table auth.users enable replica trigger _100_mirror",
        object: "_100_mirror on auth.users",
      },
    ],
    good: ["alter table auth.users enable always trigger _100_mirror"],
  },
  view_invoker: {
    bad: [
      { sql: "create view app_public.v as select 1 as one", object: "app_public.v" },
      {
        sql: "create view app_public.v with (security_invoker = false) as select 1 as one",
        object: "app_public.v",
      },
      { sql: "create view auth.v as select 1 as one", object: "auth.v" },
      {
        sql: `create view app_public.outer_view with (security_invoker) as select 1 as one;
          create view app_private."Inner" as select * from app_public.outer_view`,
        object: 'app_private."Inner"',
      },
      {
        sql: `${REPORTS} create view reports.v as select * from app_public.tenants;
          grant select on reports.v to app_user`,
        object: "reports.v",
      },
    ],
    good: [
      "create view app_public.v with (security_invoker = true) as select 1 as one",
      "create view app_public.v with (security_invoker) as select 1 as one",
      "create view app_public.v with (security_invoker = on) as select 1 as one",
    ],
  },
};
