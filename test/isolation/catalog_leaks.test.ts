/** The attack is not asleep: a leak that somebody builds in is found, without the audit's help. */
import { describeAttempt, failures } from "../../attack/attempt.ts";
import type { Scope } from "../../attack/catalog/attack.ts";
import { expect, test } from "../support/index.ts";
import { attackAfter } from "./catalog_support.ts";

const PROJECTS = "app_public.projects";

const LEAKS: readonly { leak: string; change: string; object?: string; found: RegExp }[] = [
  {
    leak: "one more permissive policy",
    change:
      "create policy open on app_public.projects for select to app_user using (status = 'open')",
    found: /^member, select all, app_public.projects: BREACH/,
  },
  {
    leak: "a table without row-level security",
    change: "alter table app_public.projects disable row level security",
    found: /^member, delete, app_public.projects: BREACH/,
  },
  {
    leak: "no context is every context",
    change: `create or replace function app_private.current_tenant_id() returns uuid
      language sql stable parallel safe
      return nullif(current_setting('app.current_tenant_id', true), '')::uuid;
      drop policy select_tenant on app_public.projects;
      create policy select_tenant on app_public.projects for select to app_user
      using (app_private.current_tenant_id() is null or tenant_id = app_private.current_tenant_id())`,
    found: /^no context, select all, app_public.projects: BREACH/,
  },
  {
    leak: "a view with its owner's rights",
    change: `create view app_public.names as select name from app_public.projects;
      grant select on app_public.names to app_user`,
    object: "app_public.names",
    found: /^member, select all, app_public.names: BREACH, told canary-b/,
  },
  {
    leak: "a materialized view, if only because what it shows is of yesterday",
    change: `create materialized view app_public.totals as select tenant_id, count(*) from app_public.memberships group by 1;
      grant select on app_public.totals to app_user`,
    object: "app_public.totals",
    found: /^member, select all, app_public.totals: vacuous/,
  },
  {
    leak: "a foreign key without the tenant",
    change: `alter table app_public.projects add constraint projects_id_key unique (id);
      alter table app_public.tasks drop constraint tasks_project_fkey;
      alter table app_public.tasks add constraint tasks_project_fkey
      foreign key (project_id) references app_public.projects (id)`,
    object: "app_public.tasks",
    found: /^member, insert a reference to B's row: tasks_project_fkey, app_public.tasks: BREACH/,
  },
  {
    leak: "a unique key over all tenants",
    change: `alter table app_public.projects drop constraint projects_name_key;
      alter table app_public.projects add constraint projects_name_key unique (name)`,
    found:
      /^member, insert a key that B has: projects_name_key, app_public.projects: BREACH, 23505/,
  },
  ...["seqscan", "tidscan"].map((scan) => ({
    leak: `a refusal that comes only where somebody has such a row: ${scan}`,
    change: `do $$ begin execute format(
      'alter role rowhouse_server in database %I set enable_${scan} = on', current_database()
    ); end $$`,
    found:
      /^stranger, find (by where it lies )?what B has or nobody: "name", app_public.projects: BREACH, TNREQ, TNREQ for what B has, 0 rows/,
  })),
  {
    leak: "an index without the tenant, through which a refusal depends on the neighbour's row",
    change: "create index projects_name_idx on app_public.projects (name)",
    found: /^stranger, find what B has or nobody: "name", app_public.projects: BREACH, TNREQ/,
  },
  {
    leak: "no index with the tenant at all",
    change: `alter table app_public.tasks drop constraint tasks_project_fkey;
      alter table app_public.projects drop constraint projects_pkey;
      alter table app_public.projects drop constraint projects_name_key;
      drop index app_public.projects_created_idx`,
    found: /^stranger, update what B has or nobody: "name", app_public.projects: BREACH, TNREQ/,
  },
  {
    leak: "an error that says what the caller may not see",
    change: `create function app_public.is_free(name text) returns boolean
      language plpgsql stable security definer as $$ begin
        if exists (select from app_public.projects) then
          raise exception 'Taken by %', (select max(projects.name) from app_public.projects);
        end if;
        return true; end $$;
      grant execute on function app_public.is_free(text) to app_user`,
    object: "app_public.is_free(text)",
    found: /^member, call with A's, .*: BREACH, P0001, told canary-b/,
  },
  {
    leak: "a function that counts past the policies",
    change: `create function app_public.project_count(tenant_id uuid) returns bigint
      language sql stable security definer
      return (select count(*) from app_public.projects where projects.tenant_id = project_count.tenant_id);
      grant execute on function app_public.project_count(uuid) to app_user`,
    object: "app_public.project_count(uuid)",
    found: /^member, call with what B has or nobody, .*: BREACH/,
  },
  {
    leak: "a trigger that writes the neighbour's row",
    change: `create function app_private.tg_projects__touch() returns trigger
      language plpgsql security definer as $$ begin
        update app_public.tasks set is_done = true where tenant_id <> new.tenant_id; return null;
      end $$;
      create trigger _100_touch after update on app_public.projects
      for each row execute function app_private.tg_projects__touch()`,
    found: /^member, update all, app_public.projects: BREACH, touches B's app_public.tasks/,
  },
  {
    leak: "a trigger that makes a row for the neighbour",
    change: `create function app_private.tg_projects__copy() returns trigger
      language plpgsql security definer as $$ begin
        insert into app_public.projects (tenant_id, name)
        select id, 'a copy ' || gen_random_uuid() from app_public.tenants where id <> new.tenant_id;
        return null; end $$;
      create trigger _100_copy after update on app_public.projects
      for each row execute function app_private.tg_projects__copy()`,
    found: /^member, update all, app_public.projects: BREACH, touches B's app_public.tenants/,
  },
  {
    leak: "a notice",
    change: `create function app_public.hello() returns int language plpgsql stable security definer as $$
      begin raise notice 'Seen: %', (select string_agg(name, ', ') from app_public.projects); return 1; end $$;
      grant execute on function app_public.hello() to app_user`,
    object: "app_public.hello()",
    found: /^member, call with A's, app_public.hello\(\): BREACH, told canary-b/,
  },
  {
    leak: "the right to empty a table",
    change: "grant truncate on app_public.tasks to app_user",
    object: "app_public.tasks",
    found: /^member, truncate, app_public.tasks: BREACH/,
  },
];

for (const { leak, change, object = PROJECTS, found } of LEAKS) {
  test(`it finds ${leak}`, async () => {
    const scope: Scope = {
      objects: (name) => name === object,
      actors: (name) => ["member", "stranger", "no context"].includes(name),
    };
    const breaches = failures(await attackAfter(change, scope)).map(describeAttempt);
    expect(breaches.filter((line) => found.test(line)).length, breaches.join("\n")).toBeGreaterThan(
      0,
    );
  });
}

test("a table that can't be planted and a function that can't be called make it red", async () => {
  const attempts = await attackAfter(
    `create table app_public.odd (tenant_id uuid not null, word text not null,
      constraint odd_word check (word = random()::text));
    alter table app_public.odd owner to rowhouse_owner;
    create function app_public.odd(mystery money) returns int language sql return 1`,
    { objects: () => false },
  );
  expect(failures(attempts).map(describeAttempt)).toEqual([
    expect.stringMatching(/^everyone, plant, app_public.odd: vacuous, no value/),
    expect.stringMatching(/^everyone, plant, app_public.odd: vacuous, no value/),
    "everyone, call, app_public.odd(money): vacuous, attack/catalog/calls.ts has no sample for mystery money",
  ]);
});
