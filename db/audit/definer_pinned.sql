/*
 * A security-definer function runs with its owner's rights and its caller's search_path, unless it
 * pins one: a table in pg_temp could stand in for the real one. Its owner must be held back by
 * policies, and it must be on the reviewed list below.
 */
with reviewed (function, reason) as (
  values
    ('app_private.enter(uuid,uuid,text,bytea)', 'reads memberships before there is a tenant'),
    ('app_public.remove_member(uuid)', 'writes memberships, which nobody may'),
    ('app_public.leave_tenant()', 'writes memberships, which nobody may'),
    ('app_public.change_member_role(uuid,text)', 'writes memberships, which nobody may'),
    ('app_public.transfer_ownership(uuid)', 'writes memberships, which nobody may'),
    ('app_public.memberships_user(app_public.memberships)', 'names the people of one''s tenant'),
    ('app_public.invite_member(text,text)', 'writes invitations, which nobody may'),
    ('app_public.resend_invitation(uuid)', 'writes invitations, which nobody may'),
    ('app_public.revoke_invitation(uuid)', 'writes invitations, which nobody may'),
    ('app_public.accept_invitation(text)', 'lets in somebody who is not a member yet'),
    ('app_public.decline_invitation(text)', 'answers for somebody who is not a member'),
    ('app_private.record_invitation_token(uuid,uuid,bytea)', 'spares the worker the right to read invitations'),
    ('app_public.create_api_key(text,text[],timestamp with time zone)', 'writes secrets, which nobody may read'),
    ('app_public.rotate_api_key(uuid,integer)', 'writes secrets, which nobody may read'),
    ('app_public.revoke_api_key(uuid)', 'writes secrets, which nobody may read'),
    ('app_private.tg__audit()', 'writes the audit log, which nobody may'),
    ('app_public.audit_entries_actor_name(app_public.audit_entries)', 'names the people in one''s log'),
    ('app_private.receive_stripe_event(text,text,text,boolean,boolean,text,timestamp with time zone,json)',
      'lets the HTTP process write to the inbox and nothing else'),
    ('app_private.enqueue_identity_mail(text,uuid,text)', 'lets the identity provider book its mails and nothing else'),
    ('app_public.my_tenants()', 'lists the caller''s tenants across tenants'),
    ('app_public.create_tenant(text,text,text)', 'founds a tenant that has no member yet'),
    ('app_public.consume_feature(text,integer,text)', 'writes counters that a tenant must not')
)
select
  'error' as severity,
  pg_proc.oid::regprocedure::text as object,
  case
    when reviewed.function is null then 'a security-definer function that nobody reviewed'
    when pg_proc.proowner not in ('app_definer'::regrole, 'app_searcher'::regrole)
      then 'a security-definer function owned by ' || pg_proc.proowner::regrole
    else 'a security-definer function without a pinned search_path'
  end as problem,
  format(
    'alter function %1$s security invoker; or review it, add it to db/audit/definer_pinned.sql, and: '
    'alter function %1$s set search_path = pg_catalog, pg_temp; alter function %1$s owner to app_definer;',
    pg_proc.oid::regprocedure
  ) as remedy
from pg_catalog.pg_proc
left join reviewed on reviewed.function = pg_proc.oid::regprocedure::text
where pg_proc.prosecdef
and pg_proc.pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and (
  reviewed.function is null
  or pg_proc.proowner not in ('app_definer'::regrole, 'app_searcher'::regrole)
  or not coalesce('search_path=pg_catalog, pg_temp' = any (pg_proc.proconfig), false)
);
