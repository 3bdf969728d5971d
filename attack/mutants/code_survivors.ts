import { BILLING_CODE_SURVIVORS, type CodeSurvivors } from "./code_survivors_billing.ts";

/**
 * Lines of functions that neither the audit nor the attack misses, in groups with the reason. A line
 * that is changed, or noticed by now, has to leave the list.
 */
export const CODE_SURVIVORS: readonly CodeSurvivors[] = [
  {
    reason: "It is asked twice, before and after the lock: the one that is left refuses.",
    mutants: [
      "code app_private.api_key_to_change(uuid): without \"perform app_private.require_permission('api_keys.manage');\"",
      "code app_private.api_key_to_change(uuid): without \"perform app_private.require_permission('api_keys.manage');\" (2)",
      "code app_public.create_api_key(text,text[],timestamp with time zone): without \"perform app_private.require_permission('api_keys.manage');\"",
      "code app_public.create_api_key(text,text[],timestamp with time zone): without \"perform app_private.require_permission('api_keys.manage');\" (2)",
    ],
  },
  {
    reason: "It reads the catalog, where no rows of tenants are.",
    mutants: [
      "code app_private.record_key(oid,jsonb): without \"WHERE ((pg_index.indrelid = record_key.p_table) AND pg_index.indisprimary AND (pg_attribute.attname <> 'tenant_id'::name));\"",
    ],
  },
  {
    reason:
      "Killed by test/db, one of members, invitation_answers, invitations, entitlements and " +
      "consume_feature.test.ts each, or by test/tasks/seats_across_plans.test.ts. The attack does not " +
      "set up what would show it.",
    mutants: [
      'code app_private.book_billing_request(app_public.billing_requests): without "where memberships.tenant_id = v_tenant_id"',
      'code app_private.count_used(uuid,text): without "WHERE ((memberships.tenant_id = count_used.p_tenant_id) AND (memberships.tenant_id = app_private.member_tenant_id())))"',
      'code app_private.invitation_to_answer(text): without "where memberships.tenant_id = v_invitation.tenant_id"',
      'code app_private.require_other_owner(uuid): without "where memberships.tenant_id = app_private.member_tenant_id()"',
      'code app_public.accept_invitation(text): without "perform app_private.writable_tenant_id();"',
      'code app_public.consume_feature(text,integer,text): without "v_tenant_id uuid := app_private.writable_tenant_id();"',
      'code app_public.consume_feature(text,integer,text): without "where tenants.id = v_tenant_id;"',
      'code app_public.resend_invitation(uuid): without "v_tenant_id uuid := app_private.writable_tenant_id();"',
    ],
  },
  {
    reason:
      "The row that it inserts has writable_tenant_id() as its default, which refuses a tenant that " +
      "may not write.",
    mutants: [
      'code app_public.create_api_key(text,text[],timestamp with time zone): without "v_tenant_id uuid := app_private.writable_tenant_id();"',
      'code app_public.invite_member(text,text): without "v_tenant_id uuid := app_private.writable_tenant_id();"',
    ],
  },
  {
    reason:
      "A rule among the members of one tenant, about seats, authority, owners or locks: not isolation's business.",
    mutants: [
      'code app_private.api_key_to_change(uuid): without "perform app_private.lock_members();"',
      "code app_public.transfer_ownership(uuid): without \"perform app_private.require_authority_over('admin');\"",
      "code app_private.delete_member(app_public.memberships): without \"if p_membership.role = 'owner' then\"",
      'code app_private.delete_member(app_public.memberships): without "perform app_private.require_other_owner(p_membership.user_id);"',
      'code app_private.invitation_to_change(uuid): without "perform app_private.require_authority_over(v_invitation.role);"',
      'code app_private.inviter_may_invite(app_public.invitations): without "WHERE (held.role_key = memberships.role))))))) AS "exists";"',
      'code app_private.inviter_may_invite(app_public.invitations): without "WHERE (needed.role_key = (inviter_may_invite.p_invitation).role)"',
      'code app_private.require_authority_over(text): without "where role_permissions.role_key = p_role"',
      'code app_private.require_other_owner(uuid): without "and memberships.user_id <> p_user_id"',
      "code app_private.require_scopes(text[]): without \"perform app_private.require_permission('billing.manage');\"",
      'code app_private.send_invitation(app_public.invitations): without "perform app_private.lock_members();"',
      'code app_private.book_billing_request(app_public.billing_requests): without "perform app_private.lock_offers(v_tenant_id);"',
      'code app_public.current_membership(): without "and memberships.user_id = v_user_id;"',
      'code app_private.send_invitation(app_public.invitations): without "perform app_private.require_authority_over(p_invitation.role);"',
      "code app_private.send_invitation(app_public.invitations): without \"perform app_private.require_permission('members.invite');\"",
      'code app_public.accept_invitation(text): without "perform app_private.lock_members();"',
      'code app_public.accept_invitation(text): without "perform app_private.require_seat();"',
      "code app_public.change_member_role(uuid,text): without \"if v_membership.role = 'owner' and change_member_role.role <> 'owner' then\"",
      'code app_public.change_member_role(uuid,text): without "perform app_private.lock_members();"',
      'code app_public.change_member_role(uuid,text): without "perform app_private.require_authority_over(change_member_role.role);"',
      'code app_public.change_member_role(uuid,text): without "perform app_private.require_authority_over(v_membership.role);"',
      'code app_public.change_member_role(uuid,text): without "perform app_private.require_other_owner(v_membership.user_id);"',
      'code app_public.change_member_role(uuid,text): without "perform app_private.require_role(change_member_role.role);"',
      'code app_public.create_api_key(text,text[],timestamp with time zone): without "perform app_private.lock_members();"',
      'code app_public.create_api_key(text,text[],timestamp with time zone): without "perform app_private.require_scopes(v_scopes);"',
      'code app_public.invite_member(text,text): without "perform app_private.require_authority_over(invite_member.role);"',
      "code app_public.invite_member(text,text): without \"perform app_private.require_permission('members.invite');\"",
      'code app_public.invite_member(text,text): without "perform app_private.require_role(invite_member.role);"',
      'code app_public.leave_tenant(): without "perform app_private.lock_members();"',
      'code app_public.remove_member(uuid): without "perform app_private.lock_members();"',
      'code app_public.remove_member(uuid): without "perform app_private.require_authority_over(v_membership.role);"',
      'code app_public.rotate_api_key(uuid,integer): without "perform app_private.require_scopes(api_key.scopes);"',
      'code app_public.transfer_ownership(uuid): without "perform app_private.lock_members();"',
      "code app_public.transfer_ownership(uuid): without \"perform app_private.require_authority_over('owner');\"",
      "code app_public.transfer_ownership(uuid): without \"perform app_private.require_permission('tenant.transfer');\"",
    ],
  },
  {
    reason:
      "What an unknown id or a repeated call is answered with: no row of another tenant comes of it.",
    mutants: [
      'code app_private.api_key_to_change(uuid): without "if not found then"',
      'code app_private.invitation_to_change(uuid): without "if not found then"',
      'code app_private.member_to_change(uuid): without "if not found then"',
      'code app_public.consume_feature(text,integer,text): without "if found then"',
      'code app_public.consume_feature(text,integer,text): without "if not found then"',
      'code app_public.create_tenant(text,text,text,text): without "if not found then"',
      'code app_public.invite_member(text,text): without "if not found then"',
      'code app_private.book_billing_request(app_public.billing_requests): without "if found and not app_private.asks_the_same(p_wanted, v_open) then"',
      'code app_private.book_billing_request(app_public.billing_requests): without "elsif found then"',
      'code app_private.founded_tenant(uuid,text,text,text): without "if not found then"',
      'code app_public.change_plan(text,text,uuid): without "if not found then"',
    ],
  },
  {
    reason:
      "The caller's or the definer's own policy on the table binds the row to the tenant beneath.",
    mutants: [
      'code app_public.transfer_ownership(uuid): without "where memberships.tenant_id = v_heir.tenant_id"',
      'code app_public.transfer_ownership(uuid): without "where memberships.tenant_id = v_heir.tenant_id" (2)',
      'code app_public.api_keys_last_used_at(app_public.api_keys): without "WHERE ((api_key_uses.tenant_id = (api_keys_last_used_at.api_key).tenant_id) AND (api_key_uses.api_key_id = (api_keys_last_used_at.api_key).id));"',
      'code app_private.delete_member(app_public.memberships): without "and memberships.user_id = p_membership.user_id;"',
      'code app_private.delete_member(app_public.memberships): without "where memberships.tenant_id = p_membership.tenant_id"',
      'code app_private.lock_members(): without "where tenants.id = app_private.member_tenant_id();"',
      'code app_public."current_user"(): without "WHERE (users.id = app_private.current_user_id());"',
      'code app_public.audit_entries_actor_name(app_public.audit_entries): without "WHERE ((audit_entries.tenant_id = (audit_entries_actor_name.entry).tenant_id) AND (audit_entries.id = (audit_entries_actor_name.entry).id));"',
      'code app_public.change_member_role(uuid,text): without "where memberships.tenant_id = v_membership.tenant_id"',
      'code app_public.consume_feature(text,integer,text): without "where usage_records.tenant_id = v_tenant_id"',
      'code app_public.current_membership(): without "where memberships.tenant_id = app_private.member_tenant_id()"',
      'code app_public.current_tenant(): without "WHERE (tenants.id = app_private.member_tenant_id());"',
      'code app_private.book_billing_request(app_public.billing_requests): without "where billing_requests.tenant_id = v_tenant_id"',
      'code app_private.book_billing_request(app_public.billing_requests): without "where billing_requests.tenant_id = v_tenant_id" (2)',
      'code app_private.book_billing_request(app_public.billing_requests): without "where billing_accounts.tenant_id = v_tenant_id"',
      'code app_private.subscription_to_mean(): without "WHERE (billing_accounts.tenant_id = app_private.member_tenant_id());"',
      'code app_private.put_away_billing_requests(): without "where billing_requests.tenant_id = app_private.member_tenant_id()"',
      'code app_private.put_away_billing_requests(): without "where billing_requests.tenant_id = app_private.member_tenant_id()" (2)',
      'code app_private.require_room_in(text): without "where feature_overrides.tenant_id = app_private.member_tenant_id()"',
      'code app_public.change_plan(text,text,uuid): without "where billing_requests.tenant_id = app_private.member_tenant_id()"',
    ],
  },
  {
    reason:
      "Which events an alarm names: the operator reads it, who sees those of every tenant anyway.",
    mutants: [
      'code app_private.receive_stripe_events(text,boolean,text[],text[],text[],text[],text[],text[],boolean[],text[],double precision[],json[]): without "where stripe_events.id = any (v_other_mode);"',
    ],
  },
  {
    reason: "The uuid that the condition also asks for was found in the tenant before.",
    mutants: [
      'code app_private.use_api_key(bytea): without "where due.tenant_id = v_key.tenant_id"',
      'code app_public.rotate_api_key(uuid,integer): without "where api_key_secrets.tenant_id = api_key.tenant_id" (2)',
      'code app_private.invitation_to_change(uuid): without "where invitation_tokens.tenant_id = v_invitation.tenant_id"',
      'code app_public.accept_invitation(text): without "where invitations.tenant_id = v_invitation.tenant_id"',
      'code app_public.decline_invitation(text): without "where invitations.tenant_id = v_invitation.tenant_id"',
      'code app_public.resend_invitation(uuid): without "where invitations.tenant_id = v_tenant_id"',
      'code app_public.revoke_api_key(uuid): without "where api_key_secrets.tenant_id = v_key.tenant_id"',
      'code app_public.revoke_api_key(uuid): without "where api_keys.tenant_id = v_key.tenant_id"',
      'code app_public.revoke_invitation(uuid): without "where invitations.tenant_id = v_invitation.tenant_id"',
      'code app_public.rotate_api_key(uuid,integer): without "where api_key_secrets.tenant_id = api_key.tenant_id"',
      'code app_public.rotate_api_key(uuid,integer): without "where api_keys.tenant_id = api_key.tenant_id"',
    ],
  },
  {
    reason: "Which of the tenant's own rows is meant; whose they are is asked beside it.",
    mutants: [
      'code app_public.transfer_ownership(uuid): without "and memberships.user_id = app_private.current_user_id();"',
      'code app_private.invitation_to_answer(text): without "and invitations.id = invitation_tokens.invitation_id"',
      'code app_private.invitation_to_answer(text): without "and memberships.user_id = v_user.id"',
      'code app_private.invitation_to_change(uuid): without "and invitations.id = p_invitation_id"',
      'code app_public.accept_invitation(text): without "and invitations.id = v_invitation.id"',
      'code app_public.decline_invitation(text): without "and invitations.id = v_invitation.id"',
      'code app_public.invite_member(text,text): without "and invitations.email = v_email"',
      'code app_public.resend_invitation(uuid): without "and invitations.id = v_invitation.id"',
      'code app_public.revoke_invitation(uuid): without "and invitations.id = v_invitation.id"',
      'code app_public.change_plan(text,text,uuid): without "and billing_requests.id = v_wanted.preview_id"',
    ],
  },
  ...BILLING_CODE_SURVIVORS,
];
