/* Copy these four files for your first tables, then delete them: docs/extending.md. */
create table if not exists app_public.projects (
  tenant_id  uuid        not null default app_private.current_tenant_id(),
  id         uuid        not null default uuidv7(),
  name       text        not null,
  status     text        not null default 'open',
  created_at timestamptz not null default now(),
  constraint projects_pkey primary key (tenant_id, id),
  constraint projects_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint projects_name_key unique (tenant_id, name),
  constraint projects_name_bounded check (char_length(name) between 1 and 100),
  constraint projects_name_printable check (
    name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  ),
  constraint projects_status_known check (status in ('open', 'closed'))
);
comment on table app_public.projects is 'What a tenant works on.';
comment on column app_public.projects.status is 'open or closed.';
comment on constraint projects_tenant_fkey on app_public.projects is
  E'@fieldName tenant\n@backwardBehavior -*';
/* Serves: the newest projects first. */
create index if not exists projects_created_idx
  on app_public.projects (tenant_id, created_at desc, id);

create table if not exists app_public.tasks (
  tenant_id  uuid        not null default app_private.current_tenant_id(),
  id         uuid        not null default uuidv7(),
  project_id uuid        not null,
  title      text        not null,
  is_done    boolean     not null default false,
  due_on     date,
  created_at timestamptz not null default now(),
  constraint tasks_pkey primary key (tenant_id, id),
  constraint tasks_project_fkey
    foreign key (tenant_id, project_id) references app_public.projects (tenant_id, id)
    on delete cascade,
  constraint tasks_title_bounded check (char_length(title) between 1 and 200),
  constraint tasks_title_printable check (
    title ~ '[^[:space:]]' and title !~ '[[:cntrl:]]'
  )
);
comment on table app_public.tasks is 'What is to be done in a project.';
comment on constraint tasks_project_fkey on app_public.tasks is
  E'@fieldName project\n@foreignFieldName tasks';
/* Serves: a project's tasks in order of creation (and the foreign key). */
create index if not exists tasks_project_idx
  on app_public.tasks (tenant_id, project_id, created_at, id);
