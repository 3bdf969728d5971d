/*
 * Invitations. The functions are security definer: nobody writes invitations or memberships, and
 * whoever answers an invitation is not in its tenant. No answer differs by whether the invited
 * address has an account. The token exists in clear only in the e-mail: the task that sends it
 * makes it up and hands in its hash.
 */
create or replace function app_public.invite_member(email text, role text default 'member')
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
/* "on conflict" names columns and can't qualify them. */
#variable_conflict use_column
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_email text := lower(btrim(invite_member.email, E' \t\r\n'));
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('members.invite');
  perform app_private.require_role(invite_member.role);
  perform app_private.require_authority_over(invite_member.role);
  if coalesce(char_length(v_email), 0) > 320
    or coalesce(v_email, '')
      !~ '^[^][:space:][:cntrl:]@,;:<>()\\"[]+@[^][:space:][:cntrl:]@,;:<>()\\"[]+$'
  then
    raise exception '"email" must be an e-mail address'
      using errcode = 'INPUT';
  end if;
  if exists (
    select
    from app_public.memberships
    join app_public.users on users.id = memberships.user_id
    where memberships.tenant_id = v_tenant_id
    and lower(users.email) = v_email
  ) then
    raise exception 'This person is a member already'
      using errcode = 'CNFLT';
  end if;

  update app_public.invitations set status = 'expired'
  where invitations.tenant_id = v_tenant_id
  and invitations.email = v_email
  and invitations.status = 'open'
  and invitations.expires_at <= now();

  insert into app_public.invitations (email, role)
  values (v_email, invite_member.role)
  on conflict (tenant_id, email) where status = 'open' do nothing
  returning invitations.* into v_invitation;
  if not found then
    raise exception 'This person is invited already'
      using errcode = 'CNFLT',
            hint    = 'resendInvitation sends the e-mail again.';
  end if;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.invite_member(text, text) is
  'Asks somebody, by an e-mail with a token, to become a member; good for 7 days. Needs '
  'members.invite, and every permission of the role. Whether a seat is left is asked when it is '
  'accepted. Errors: FORBIDDEN, CONFLICT, RATE_LIMITED.';
alter function app_public.invite_member(text, text) owner to app_definer;
revoke all on function app_public.invite_member(text, text) from public;
grant execute on function app_public.invite_member(text, text) to app_user;

create or replace function app_public.resend_invitation(invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_private.writable_tenant_id();
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_change(resend_invitation.invitation_id);
  update app_public.invitations set
    invited_by = app_private.current_user_id(),
    expires_at = now() + interval '7 days',
    sent_at = now(),
    sent_count = case
      when invitations.sent_at > now() - interval '1 day' then invitations.sent_count + 1
      else 1
    end
  where invitations.tenant_id = v_tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.resend_invitation(uuid) is
  'Sends an open invitation again with a new token, good for 7 days; earlier ones stop working. '
  'Needs members.invite, and every permission of the role. Errors: FORBIDDEN, BAD_USER_INPUT, '
  'RATE_LIMITED.';
alter function app_public.resend_invitation(uuid) owner to app_definer;
revoke all on function app_public.resend_invitation(uuid) from public;
grant execute on function app_public.resend_invitation(uuid) to app_user;

create or replace function app_public.revoke_invitation(invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile security definer parallel unsafe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  v_invitation := app_private.invitation_to_change(revoke_invitation.invitation_id);
  update app_public.invitations set status = 'revoked'
  where invitations.tenant_id = v_invitation.tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  return v_invitation;
end;
$$;
comment on function app_public.revoke_invitation(uuid) is
  'Takes an open invitation back: its e-mail leads nowhere from now on. Needs members.invite, and '
  'every permission of the role. Errors: FORBIDDEN, BAD_USER_INPUT.';
alter function app_public.revoke_invitation(uuid) owner to app_definer;
revoke all on function app_public.revoke_invitation(uuid) from public;
grant execute on function app_public.revoke_invitation(uuid) to app_user;
