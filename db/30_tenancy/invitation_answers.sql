/* What the invited person, and the task that writes to them, can do with an invitation. */
create or replace function app_public.accept_invitation(token text)
  returns app_public.tenants
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_private.current_user_id();
  v_invitation app_public.invitations;
  v_is_new boolean := false;
  v_tenant app_public.tenants;
begin
  v_invitation := app_private.invitation_to_answer(accept_invitation.token);
  /* Whoever answers again makes no membership: the one that they had may be ending at this moment. */
  if v_invitation.status = 'open' then
    insert into app_public.memberships (tenant_id, user_id, role)
    values (v_invitation.tenant_id, v_user_id, v_invitation.role)
    on conflict on constraint memberships_pkey do nothing;
    v_is_new := found;
  end if;
  perform app_private.enter(
    v_user_id, v_invitation.tenant_id, current_setting('app.request', true)
  );

  if v_is_new then
    perform app_private.lock_members();
    if not app_private.inviter_may_invite(v_invitation) then
      raise exception 'The invitation is not valid, or no longer'
        using errcode = 'INPUT',
              hint    = 'Ask an owner of the tenant to invite you.';
    end if;
    /* Also refuses to let anyone into a tenant that has no access. */
    perform app_private.writable_tenant_id();
    perform app_private.require_seat();
  end if;

  update app_public.invitations set status = 'accepted', answered_at = now()
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  and invitations.status = 'open';
  select tenants.* into v_tenant
  from app_public.tenants
  where tenants.id = v_invitation.tenant_id;
  return v_tenant;
end;
$$;
comment on function app_public.accept_invitation(text) is
  'Makes the signed-in person a member, if the invitation was sent to their e-mail address and that '
  'is verified. Needs no tenant in the token; POST /auth/token gives one for the tenant then. '
  'Asked again, it answers the same. Errors: BAD_USER_INPUT, FORBIDDEN, LIMIT_EXCEEDED when no seat is left, '
  'TENANT_SUSPENDED, TENANT_READ_ONLY.';
alter function app_public.accept_invitation(text) owner to app_definer;
revoke all on function app_public.accept_invitation(text) from public;
grant execute on function app_public.accept_invitation(text) to app_user;

create or replace function app_public.decline_invitation(token text)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_answer(decline_invitation.token);
  if v_invitation.status = 'accepted' then
    raise exception 'You have accepted this invitation'
      using errcode = 'CNFLT',
            hint    = 'leaveTenant takes you out again.';
  end if;
  update app_public.invitations set status = 'declined', answered_at = now()
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  return v_invitation;
end;
$$;
comment on function app_public.decline_invitation(text) is
  'Says no to an invitation; under the same conditions as acceptInvitation. Errors: BAD_USER_INPUT, '
  'FORBIDDEN, CONFLICT once it is accepted.';
alter function app_public.decline_invitation(text) owner to app_definer;
revoke all on function app_public.decline_invitation(text) from public;
grant execute on function app_public.decline_invitation(text) to app_user;

/*
 * security definer: so that the worker can neither read invitations nor make tokens for any but the
 * one that it was told to send.
 */
create or replace function app_private.record_invitation_token(
  p_tenant_id uuid,
  p_invitation_id uuid,
  p_token_hash bytea
)
  returns table (
    email text,
    tenant_name text,
    inviter_name text,
    role_name text,
    expires_at timestamptz
  )
  language sql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
begin atomic
  with open_invitation as (
    select invitations.*
    from app_public.invitations
    where invitations.tenant_id = p_tenant_id
    and invitations.id = p_invitation_id
    and invitations.status = 'open'
    and invitations.expires_at > now()
    for update
  ),
  token as (
    insert into app_private.invitation_tokens (tenant_id, invitation_id, token_hash)
    select open_invitation.tenant_id, open_invitation.id, p_token_hash
    from open_invitation
  )
  select
    open_invitation.email,
    tenants.name,
    users.name,
    roles.name,
    open_invitation.expires_at
  from open_invitation
  join app_public.tenants on tenants.id = open_invitation.tenant_id
  join app_public.users on users.id = open_invitation.invited_by
  join app_public.roles on roles.key = open_invitation.role;
end;
comment on function app_private.record_invitation_token(uuid, uuid, bytea) is
  'Stores the SHA-256 of a token that is about to be sent, and answers with what the e-mail says; '
  'no row when the invitation is no longer open.';
alter function app_private.record_invitation_token(uuid, uuid, bytea) owner to app_definer;
revoke all on function app_private.record_invitation_token(uuid, uuid, bytea) from public;
grant execute on function app_private.record_invitation_token(uuid, uuid, bytea) to app_worker;
