/* Append-only: no run-time role may change or delete an entry, and only the trigger makes one. */
create table if not exists app_public.audit_entries (
  tenant_id   uuid        not null,
  id          uuid        not null default uuidv7(),
  occurred_at timestamptz not null default now(),
  actor_kind  text        not null,
  actor_id    uuid,
  action      text        not null,
  table_name  text        not null,
  record_id      uuid,
  changes     jsonb       not null,
  ip          text,
  request_id  text,
  constraint audit_entries_pkey primary key (tenant_id, id),
  constraint audit_entries_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint audit_entries_actor_known check (
    case actor_kind when 'system' then actor_id is null else actor_id is not null end
    and actor_kind in ('user', 'api_key', 'system')
  ),
  constraint audit_entries_action_known check (action in ('insert', 'update', 'delete'))
);
comment on table app_public.audit_entries is
  E'@behavior -insert -update -delete\n'
  'The audit log: who did what to which row, and from where. Written with the change itself, for '
  'ever. For those whose role may read it.';
comment on column app_public.audit_entries.actor_kind is
  'user: a person. api_key: a machine. system: a task, in answer to Stripe or the clock.';
comment on column app_public.audit_entries.actor_id is
  'The person''s or the API key''s id; null for the system.';
comment on column app_public.audit_entries.action is 'insert, update or delete.';
comment on column app_public.audit_entries.record_id is
  'The row''s id, and a membership''s user; null where the table has neither.';
comment on column app_public.audit_entries.changes is
  'By column, [before, after]; null stands for what was not there.';
comment on column app_public.audit_entries.ip is 'Where the request came from; null for the system.';
comment on column app_public.audit_entries.request_id is
  'The X-Request-Id of the request, which the server''s log has too; null for the system.';
comment on constraint audit_entries_tenant_fkey on app_public.audit_entries is
  E'@fieldName tenant\n@backwardBehavior -*';
/* Serves: what happened to one row. */
create index if not exists audit_entries_record_idx
  on app_public.audit_entries (tenant_id, record_id, id desc);
