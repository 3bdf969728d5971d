/*
 * The trigger that writes the log: "after insert or update or delete … for each row execute function
 * app_private.tg__audit()". Its arguments are columns to leave out. security definer, because nobody
 * may write the log; all it does is one insert, for the tenant of the row that changed.
 */
create or replace function app_private.tg__audit()
  returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_row jsonb := coalesce(v_new, v_old);
  v_user_id uuid := nullif(current_setting('app.current_user_id', true), '');
  v_key_id uuid := nullif(current_setting('app.api_key_id', true), '');
  v_request jsonb := nullif(current_setting('app.request', true), '');
  v_changes jsonb;
begin
  select jsonb_object_agg(columns.name, jsonb_build_array(v_old -> columns.name, v_new -> columns.name))
  into v_changes
  from jsonb_object_keys(v_row) as columns (name)
  where v_old -> columns.name is distinct from v_new -> columns.name
  and columns.name <> 'tenant_id'
  and columns.name <> all (tg_argv);
  if v_changes is null then
    return null;
  end if;

  insert into app_public.audit_entries (
    tenant_id, actor_kind, actor_id, action, table_name, record_id, changes, ip, request_id
  )
  select
    tenants.id,
    case
      when v_key_id is not null then 'api_key'
      when v_user_id is not null then 'user'
      else 'system'
    end,
    coalesce(v_key_id, v_user_id),
    lower(tg_op),
    tg_table_name,
    coalesce(v_row ->> 'id', v_row ->> 'user_id')::uuid,
    v_changes,
    v_request ->> 'ip',
    v_request ->> 'requestId'
  /* A tenant that is being deleted takes its log along. */
  from app_public.tenants
  where tenants.id = coalesce(v_row ->> 'tenant_id', v_row ->> 'id')::uuid;
  return null;
end;
$$;
comment on function app_private.tg__audit() is
  'Writes the audit log; arguments name columns that must not be in it.';
alter function app_private.tg__audit() owner to app_definer;
revoke all on function app_private.tg__audit() from public;

/*
 * security definer: policies show a person nobody but themselves. The entry is looked up under the
 * policy above, so that only names in the caller's own log come back, whatever row was handed in.
 */
create or replace function app_public.audit_entries_actor_name(entry app_public.audit_entries)
  returns text
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select coalesce(users.name, api_keys.name)
  from app_public.audit_entries
  left join app_public.users
    on audit_entries.actor_kind = 'user' and users.id = audit_entries.actor_id
  left join app_public.api_keys
    on audit_entries.actor_kind = 'api_key'
    and api_keys.tenant_id = audit_entries.tenant_id
    and api_keys.id = audit_entries.actor_id
  where audit_entries.tenant_id = audit_entries_actor_name.entry.tenant_id
  and audit_entries.id = audit_entries_actor_name.entry.id;
end;
comment on function app_public.audit_entries_actor_name(app_public.audit_entries) is
  'What the person or the API key is called now; null for the system.';
alter function app_public.audit_entries_actor_name(app_public.audit_entries) owner to app_definer;
revoke all on function app_public.audit_entries_actor_name(app_public.audit_entries) from public;
grant execute on function app_public.audit_entries_actor_name(app_public.audit_entries) to app_user;
