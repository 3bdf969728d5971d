/*
 * What listens to the tenants (server/tenant_notifications.ts) is told which row to look at, and
 * reads it as whoever subscribed. So there are ids in a notification and nothing else, and a forged
 * one, which Postgres lets any role send, makes the server look once more and no more than that.
 */
create or replace function app_private.notify_tenant(
  p_tenant_id uuid,
  p_topic text,
  p_row_id uuid
)
  returns void
  language sql volatile parallel unsafe
begin atomic
  select pg_notify(
    'rowhouse_tenants',
    json_build_object('tenant_id', p_tenant_id, 'topic', p_topic, 'row_id', p_row_id)::text
  );
end;
comment on function app_private.notify_tenant(uuid, text, uuid) is
  'Tells the servers, when the transaction commits, that something of a tenant''s has changed. '
  'Topics: tenant, billing_request; membership and api_key when one has ended.';
revoke all on function app_private.notify_tenant(uuid, text, uuid) from public;
grant execute on function app_private.notify_tenant(uuid, text, uuid) to app_worker, app_definer;

/*
 * Its arguments: the topic, the column with the tenant's id, the column with the row's. security
 * definer, because people and tasks change the rows and none of them may notify by themselves; all
 * it does is that, about the tenant of the row that changed.
 */
create or replace function app_private.tg__notify_tenant()
  returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := coalesce(to_jsonb(new), to_jsonb(old));
begin
  perform app_private.notify_tenant(
    (v_row ->> tg_argv[1])::uuid,
    tg_argv[0],
    (v_row ->> tg_argv[2])::uuid
  );
  return null;
end;
$$;
comment on function app_private.tg__notify_tenant() is
  'Trigger: notify_tenant about the row. Arguments: topic, column of the tenant''s id, of the row''s.';
alter function app_private.tg__notify_tenant() owner to app_definer;
revoke all on function app_private.tg__notify_tenant() from public;

create or replace trigger _900_notify
  after update on app_public.tenants
  for each row when (old.* is distinct from new.*)
  execute function app_private.tg__notify_tenant('tenant', 'id', 'id');

/* Whoever is out must be out at once, also of what they have subscribed to. */
create or replace trigger _900_notify
  after delete on app_public.memberships
  for each row execute function app_private.tg__notify_tenant('membership', 'tenant_id', 'user_id');

create or replace trigger _900_notify
  after update of revoked_at on app_public.api_keys
  for each row when (old.revoked_at is distinct from new.revoked_at)
  execute function app_private.tg__notify_tenant('api_key', 'tenant_id', 'id');
