/*
 * Whose transaction this is. app_private.enter() writes the settings once a transaction; policies
 * read them through the functions below and look nothing up. Each function is a plain expression
 * that the planner inlines, so a policy is one index condition; its second half is reached only
 * when there is nothing to hand out, and then refuses loudly instead of showing no rows.
 *
 * A plan may be kept and then serve another tenant, so the planner must not see whose it makes it
 * for: row(1, 2) < row(2, 1) is true, but is worked out only when the statement runs, and what a
 * refusal returns is a record, which the planner never asks for either. So it plans for a tenant of
 * average size (docs/decisions/0014).
 *
 *   app.current_user_id      the person
 *   app.member_tenant_id     the tenant they are in, whatever its access
 *   app.current_tenant_id    the same, when it may be read
 *   app.writable_tenant_id   the same, when it may be written
 *   app.access               full, read_only or none
 *   app.access_reason        why, for the refusal
 *   app.permissions          what their role allows, separated by blanks
 *   app.api_key_id           the API key, when no person but a machine asks
 *   app.request              from where: {"ip", "requestId", "livemode"}, for the audit log
 */
create or replace function app_private.refuse_user(out user_id uuid, out refusal text)
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'You must be signed in'
    using errcode = 'LOGIN',
          hint    = 'Send an access token from POST /auth/token as Authorization: Bearer.';
end;
$$;
comment on function app_private.refuse_user() is
  'Raises LOGIN; stands where a user id was wanted and none is set.';

create or replace function app_private.api_key_lacks_scope()
  returns boolean
  language sql stable parallel safe
return coalesce(pg_catalog.current_setting('app.api_key_id', true), '') <> ''
  and (
    pg_catalog.current_setting('app.access', true) = 'full'
    or (
      pg_catalog.current_setting('app.access', true) = 'read_only'
      and pg_catalog.current_setting('app.current_tenant_id', true) = ''
    )
  );
comment on function app_private.api_key_lacks_scope() is
  'For refuse_tenant: whether the tenant would have allowed it, and only the API key does not.';

create or replace function app_private.refuse_tenant(
  p_scope text,
  out tenant_id uuid,
  out refusal text
)
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(pg_catalog.current_setting('app.member_tenant_id', true), '') = '' then
    raise exception 'This needs a tenant, and the access token names none'
      using errcode = 'TNREQ',
            hint    = 'Ask POST /auth/token for a token with a tenantId.';
  elsif app_private.api_key_lacks_scope() then
    raise exception 'The API key lacks a scope that this needs'
      using errcode = 'DNIED',
            detail  = pg_catalog.json_build_object('scope', p_scope)::text,
            hint    = 'Make a key with this scope: createApiKey.';
  elsif pg_catalog.current_setting('app.access', true) = 'none' then
    raise exception 'The tenant is suspended'
      using errcode = 'TNSUS',
            detail  = pg_catalog.json_build_object(
                        'reason', pg_catalog.current_setting('app.access_reason', true)
                      )::text,
            hint    = 'currentTenant and its billing tell what is owed.';
  else
    raise exception 'The tenant is read-only'
      using errcode = 'TNRDO',
            detail  = pg_catalog.json_build_object(
                        'reason', pg_catalog.current_setting('app.access_reason', true)
                      )::text,
            hint    = 'currentTenant and its billing tell what is owed.';
  end if;
end;
$$;
comment on function app_private.refuse_tenant(text) is
  'Raises TNREQ, DNIED, TNSUS or TNRDO; stands where a tenant id was wanted and none may be handed '
  'out. p_scope is what an API key would have needed.';

create or replace function app_private.current_user_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.current_user_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_user()).user_id
);
comment on function app_private.current_user_id() is
  'The signed-in person; raises LOGIN when there is none.';

create or replace function app_private.member_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.member_tenant_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_tenant('read')).tenant_id
);
comment on function app_private.member_tenant_id() is
  'The tenant entered, also when suspended: for its own row, its people and its billing.';

create or replace function app_private.current_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.current_tenant_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_tenant('read')).tenant_id
);
comment on function app_private.current_tenant_id() is
  'The tenant whose rows may be read; raises TNREQ or TNSUS when there is none.';

create or replace function app_private.writable_tenant_id()
  returns uuid
  language sql stable parallel safe
return coalesce(
  nullif(pg_catalog.current_setting('app.writable_tenant_id', row(1, 2) < row(2, 1)), '')::uuid,
  (app_private.refuse_tenant('write')).tenant_id
);
comment on function app_private.writable_tenant_id() is
  'The tenant whose rows may be written; raises TNREQ, TNSUS or TNRDO when there is none.';

revoke all on function
  app_private.refuse_user(),
  app_private.api_key_lacks_scope(),
  app_private.refuse_tenant(text),
  app_private.current_user_id(),
  app_private.member_tenant_id(),
  app_private.current_tenant_id(),
  app_private.writable_tenant_id()
  from public;
grant execute on function
  app_private.refuse_user(),
  app_private.api_key_lacks_scope(),
  app_private.refuse_tenant(text),
  app_private.current_user_id(),
  app_private.member_tenant_id(),
  app_private.current_tenant_id(),
  app_private.writable_tenant_id()
  to app_user, app_worker, app_definer, app_searcher;
