/** Rules about what functions say: each body was reviewed, and is found again when it changes. */
import {
  functionNamed,
  pinned,
  policy,
  REPORTS,
  TABLE,
  THINGS,
  type RuleCases,
} from "./audit_case.ts";

const ENTER = "app_private.enter(uuid,uuid,text,bytea)";
const COUNT_USED = "app_private.count_used(uuid,text)";

/** Makes a function again without some words of it. */
const withoutWords = (signature: string, words: string) => `do $do$ begin
  execute replace(pg_get_functiondef('${signature}'::regprocedure), $$${words}$$, '');
end $do$`;

const replaced = (head: string, rest: string) =>
  `create or replace function app_private.${head} stable parallel safe ${rest}`;

/** What raises nothing, though it looks so, and returns without "return". */
const HANDS_OUT = (column: string) => `language plpgsql as $$ begin
  if false then raise exception 'You must be signed in'; end if;
  ${column} := '00000000-0000-0000-0000-000000000001';
end $$`;

const mine = (body: string) =>
  `create function app_private.mine() returns boolean language sql stable parallel safe ${body};`;
const MINE = policy(
  "for delete to app_user using (tenant_id = app_private.writable_tenant_id() and app_private.mine())",
);

export const BODY_CASES: Readonly<Record<string, RuleCases>> = {
  definer_reviewed: {
    bad: [
      { sql: functionNamed("f", pinned), object: "app_private.f()" },
      {
        // Its name was reviewed, with other arguments.
        sql: `create function app_public.my_tenants(who uuid) returns int ${pinned}`,
        object: "app_public.my_tenants(uuid)",
      },
      {
        sql: `${REPORTS} create function reports."Sum All"() returns int ${pinned}`,
        object: 'reports."Sum All"()',
      },
      {
        // Nobody may call it but a trigger, which does.
        sql: `${TABLE} create schema hidden; create function hidden.t() returns trigger
          language plpgsql security definer as 'begin return new; end';
          create trigger t before insert on ${THINGS} for each row execute function hidden.t()`,
        object: "hidden.t()",
      },
      {
        sql: "create procedure app_private.p() security definer language sql as 'select 1'",
        object: "app_private.p()",
      },
      // Reviewed, and then changed.
      {
        sql: withoutWords(ENTER, "and memberships.user_id = v_user_id"),
        object: ENTER,
      },
      {
        sql: withoutWords(
          COUNT_USED,
          "AND (memberships.tenant_id = app_private.member_tenant_id())",
        ),
        object: COUNT_USED,
      },
      {
        sql: `create or replace function app_private.tg__audit() returns trigger language plpgsql
          security definer set search_path = pg_catalog, pg_temp as 'begin return new; end'`,
        object: "app_private.tg__audit()",
      },
    ],
    good: [
      functionNamed("f", "language sql return 1"),
      // Made again as they are.
      withoutWords(ENTER, ""),
      withoutWords(COUNT_USED, ""),
    ],
  },
  policy_bodies: {
    bad: [
      {
        sql: replaced(
          "current_tenant_id() returns uuid",
          "language sql return '00000000-0000-0000-0000-000000000001'::uuid",
        ),
        object: "app_private.current_tenant_id()",
      },
      {
        sql: replaced(
          "has_permission(permission text) returns boolean",
          "language sql return true",
        ),
        object: "app_private.has_permission(text)",
      },
      {
        sql: replaced("refuse_user(out user_id uuid, out refusal text)", HANDS_OUT("user_id")),
        object: "app_private.refuse_user()",
      },
      {
        sql: replaced(
          "refuse_tenant(p_scope text, out tenant_id uuid, out refusal text)",
          HANDS_OUT("tenant_id"),
        ),
        object: "app_private.refuse_tenant(text)",
      },
      {
        sql: replaced("api_key_lacks_scope() returns boolean", "language sql return true"),
        object: "app_private.api_key_lacks_scope()",
      },
      { sql: `${mine("return true")} ${MINE}`, object: "app_private.mine()" },
      {
        // The policy calls it through another.
        sql: `create function app_private.whose() returns boolean language sql return true;
          ${mine("return app_private.whose()")} ${MINE}`,
        object: "app_private.whose()",
      },
    ],
    good: [
      mine("return true"),
      withoutWords("app_private.refuse_tenant(text)", ""),
      withoutWords("app_private.current_tenant_id()", ""),
    ],
  },
};
