/*
 * Invitations. The functions are security definer: nobody writes invitations or memberships, and
 * whoever answers an invitation is not in its tenant. No answer differs by whether the invited
 * address has an account. The token exists in clear only in the e-mail: the task that sends it
 * makes it up and hands in its hash.
 */
create or replace function app_private.send_invitation(p_invitation app_public.invitations)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_daily_limit constant integer := 100;
  v_sent bigint;
begin
  select sum(invitations.sent_count) into v_sent
  from app_public.invitations
  where invitations.tenant_id = p_invitation.tenant_id
  and invitations.sent_at > now() - interval '1 day';
  if v_sent > v_daily_limit then
    raise exception 'The tenant has sent % invitations within a day', v_daily_limit
      using errcode = 'RATED',
            hint    = 'Go on tomorrow.';
  end if;

  perform graphile_worker.add_job(
    'send_invitation',
    json_build_object(
      'tenant_id', p_invitation.tenant_id, 'invitation_id', p_invitation.id
    ),
    job_key => 'send_invitation:' || p_invitation.id
  );
end;
$$;
comment on function app_private.send_invitation(app_public.invitations) is
  'Has the worker send the e-mail. Raises RATED beyond 100 a day, so that no tenant mails the world.';

create or replace function app_private.invitation_to_change(p_invitation_id uuid)
  returns app_public.invitations
  language plpgsql volatile parallel unsafe
as $$
declare
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('members.invite');
  select invitations.* into v_invitation
  from app_public.invitations
  where invitations.tenant_id = app_private.member_tenant_id()
  and invitations.id = p_invitation_id
  and invitations.status = 'open'
  for update;
  if not found then
    raise exception 'There is no such open invitation'
      using errcode = 'INPUT';
  end if;
  perform app_private.require_authority_over(v_invitation.role);

  /* Whatever was sent so far leads nowhere from now on. */
  delete from app_private.invitation_tokens
  where invitation_tokens.tenant_id = v_invitation.tenant_id
  and invitation_tokens.invitation_id = v_invitation.id;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_change(uuid) is
  'An open invitation of the tenant entered, locked, its tokens gone. Raises DNIED, INPUT.';

create or replace function app_private.invitation_to_answer(p_token text)
  returns app_public.invitations
  language plpgsql volatile parallel unsafe
as $$
declare
  v_user app_public.users;
  v_invitation app_public.invitations;
begin
  select users.* into v_user
  from app_public.users
  where users.id = app_private.current_user_id();

  select invitations.* into v_invitation
  from app_private.invitation_tokens
  join app_public.invitations
    on invitations.tenant_id = invitation_tokens.tenant_id
    and invitations.id = invitation_tokens.invitation_id
  where invitation_tokens.token_hash = sha256(convert_to(p_token, 'UTF8'))
  for update of invitations;

  /* Expired, revoked, never there: a stranger learns nothing from the difference. */
  if not found or v_invitation.status <> 'open' or v_invitation.expires_at <= now() then
    raise exception 'The invitation is not valid, or no longer'
      using errcode = 'INPUT',
            hint    = 'Ask whoever invited you to send it again.';
  elsif v_invitation.email <> lower(v_user.email) then
    raise exception 'The invitation is for another e-mail address'
      using errcode = 'DNIED',
            hint    = 'Sign in with the address that it was sent to.';
  elsif not v_user.is_email_verified then
    raise exception 'Your e-mail address is not verified yet'
      using errcode = 'DNIED',
            hint    = 'Follow the link in the e-mail that came when you signed up.';
  end if;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_answer(text) is
  'The open invitation that a token opens for the signed-in person, locked. Raises INPUT, DNIED.';

create or replace function app_private.inviter_may_invite(p_invitation app_public.invitations)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_public.memberships
    where memberships.tenant_id = p_invitation.tenant_id
    and memberships.user_id = p_invitation.invited_by
    and not exists (
      select needed.permission
      from app_public.role_permissions as needed
      where needed.role_key = p_invitation.role
      union
      select 'members.invite'
      except
      select held.permission
      from app_public.role_permissions as held
      where held.role_key = memberships.role
    )
  );
end;
comment on function app_private.inviter_may_invite(app_public.invitations) is
  'Whether the person who invited could still do so: a door must not stay open for whoever was '
  'shown out.';

create or replace function app_private.require_seat()
  returns void
  language plpgsql stable parallel safe
as $$
declare
  v_seats record;
begin
  select entitlements.used, entitlements."limit" into v_seats
  from app_public.entitlements
  where entitlements.feature = 'seats';
  if v_seats.used > v_seats."limit" then
    raise exception 'Every seat of the plan is taken'
      using errcode = 'QUOTA',
            detail  = json_build_object(
                        'feature', 'seats',
                        'limit', v_seats."limit",
                        'used', v_seats.used - 1,
                        'resetsAt', null
                      )::text,
            hint    = 'An owner can move to a larger plan or remove a member.';
  end if;
end;
$$;
comment on function app_private.require_seat() is
  'Raises QUOTA if the member that was just added, with the members locked, is one too many.';

revoke all on function
  app_private.send_invitation(app_public.invitations),
  app_private.invitation_to_change(uuid),
  app_private.invitation_to_answer(text),
  app_private.inviter_may_invite(app_public.invitations),
  app_private.require_seat()
  from public;
grant execute on function
  app_private.send_invitation(app_public.invitations),
  app_private.invitation_to_change(uuid),
  app_private.invitation_to_answer(text),
  app_private.inviter_may_invite(app_public.invitations),
  app_private.require_seat()
  to app_definer;

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
  if coalesce(v_email, '') !~ '^[^[:space:][:cntrl:]@]+@[^[:space:][:cntrl:]@]+$'
    or char_length(v_email) > 320
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
    sent_count = invitations.sent_count + 1
  where invitations.tenant_id = v_tenant_id
  and invitations.id = v_invitation.id
  returning invitations.* into v_invitation;
  perform app_private.send_invitation(v_invitation);
  return v_invitation;
end;
$$;
comment on function app_public.resend_invitation(uuid) is
  'Sends an open invitation again with a new token, good for 7 days; earlier ones stop working.';
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
  'Takes an open invitation back: its e-mail leads nowhere from now on.';
alter function app_public.revoke_invitation(uuid) owner to app_definer;
revoke all on function app_public.revoke_invitation(uuid) from public;
grant execute on function app_public.revoke_invitation(uuid) to app_user;
