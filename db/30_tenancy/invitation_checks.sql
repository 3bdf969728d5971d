/* What the functions of invitations.sql and invitation_answers.sql ask before they act. */
create or replace function app_private.send_invitation(p_invitation app_public.invitations)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_daily_limit constant integer := 100;
  v_sent bigint;
begin
  /* So that many at once don't each count the others out, and none goes out for who was demoted. */
  perform app_private.lock_members();
  perform app_private.require_permission('members.invite');
  perform app_private.require_authority_over(p_invitation.role);

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
  'Has the worker send the e-mail. Raises RATED beyond 100 a day, so that no tenant mails the world; '
  'DNIED.';

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
  v_token_hash bytea := sha256(convert_to(p_token, 'UTF8'));
  v_user app_public.users;
  v_invitation app_public.invitations;
  v_is_addressed boolean;
  v_is_verified boolean;
  v_has_accepted boolean;
begin
  select users.* into v_user
  from app_public.users
  where users.id = app_private.current_user_id();

  select invitations.* into v_invitation
  from app_private.invitation_tokens
  join app_public.invitations
    on invitations.tenant_id = invitation_tokens.tenant_id
    and invitations.id = invitation_tokens.invitation_id
  where invitation_tokens.token_hash = v_token_hash
  for update of invitations;

  /*
   * Only A to Z lose their case here: beyond them there are letters whose lower case is another's,
   * such as the Kelvin sign and k, and one's address would pass for somebody else's.
   */
  v_is_addressed := coalesce(v_invitation.email = lower(v_user.email collate "C"), false);
  v_is_verified := coalesce(v_user.is_email_verified, false);
  v_has_accepted := v_invitation.status = 'accepted' and v_is_addressed and v_is_verified
    and exists (
      select
      from app_public.memberships
      where memberships.tenant_id = v_invitation.tenant_id
      and memberships.user_id = v_user.id
    );

  /*
   * Expired, revoked, never there: a stranger learns nothing from the difference. Whether there is
   * such a token is asked again, as it may have been replaced while this waited for the row.
   */
  if not exists (
      select from app_private.invitation_tokens where invitation_tokens.token_hash = v_token_hash
    )
    or not (
      v_has_accepted or (v_invitation.status = 'open' and v_invitation.expires_at > now())
    )
  then
    raise exception 'The invitation is not valid, or no longer'
      using errcode = 'INPUT',
            hint    = 'Ask whoever invited you to send it again.';
  elsif not v_is_addressed then
    raise exception 'The invitation is for another e-mail address'
      using errcode = 'DNIED',
            hint    = 'Sign in with the address that it was sent to.';
  elsif not v_is_verified then
    raise exception 'Your e-mail address is not verified yet'
      using errcode = 'DNIED',
            hint    = 'Follow the link in the e-mail that came when you signed up.';
  end if;
  return v_invitation;
end;
$$;
comment on function app_private.invitation_to_answer(text) is
  'The invitation that a token opens for the signed-in person, locked: an open one, or one that made '
  'them the member they are. Raises INPUT, DNIED.';

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
