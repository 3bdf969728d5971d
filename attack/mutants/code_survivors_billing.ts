/** Lines of the functions of billing and of operations that neither the audit nor the attack misses. */
export type CodeSurvivors = { reason: string; mutants: readonly string[] };

export const BILLING_CODE_SURVIVORS: readonly CodeSurvivors[] = [
  {
    reason:
      "Killed by test/db/55_billing_requests/requests.test.ts: in the attack A has a subscription " +
      "itself, so that B's makes no difference.",
    mutants: [
      'code app_private.refuse_second_subscription(): without "where stripe_subscriptions.tenant_id = app_private.member_tenant_id()"',
      'code app_private.require_subscription(text[]): without "where stripe_subscriptions.tenant_id = app_private.member_tenant_id()"',
      'code app_private.require_subscription(text[]): without "where stripe_subscriptions.tenant_id = app_private.member_tenant_id()" (2)',
    ],
  },
  {
    reason: "What a tenant may ask of Stripe for itself: whose it is was decided before.",
    mutants: [
      'code app_public.change_plan(text,text,uuid): without "perform app_private.require_price(v_wanted.plan, v_wanted."interval");"',
      'code app_public.change_plan(text,text,uuid): without "perform app_private.require_room_in(v_wanted.plan);"',
      "code app_public.change_plan(text,text,uuid): without \"perform app_private.require_subscription(array['trialing', 'active']);\"",
      "code app_public.create_billing_portal_session(text,text): without \"perform app_private.require_subscription(array['trialing', 'active', 'past_due', 'paused']);\"",
      'code app_public.create_checkout_session(text,text,text,text): without "perform app_private.require_price(v_wanted.plan, v_wanted."interval");"',
      'code app_public.create_checkout_session(text,text,text,text): without "perform app_private.require_room_in(v_wanted.plan);"',
      'code app_public.preview_plan_change(text,text): without "perform app_private.require_price(v_wanted.plan, v_wanted."interval");"',
      'code app_public.preview_plan_change(text,text): without "perform app_private.require_room_in(v_wanted.plan);"',
      "code app_public.preview_plan_change(text,text): without \"perform app_private.require_subscription(array['trialing', 'active']);\"",
    ],
  },
  {
    reason:
      "Called with the person who is signed in alone, and shows no tenant that they do not belong to: " +
      "another of their own would come back, or the same for another wish.",
    mutants: [
      'code app_private.founded_tenant(uuid,text,text,text): without "where billing_intents.tenant_id = v_tenant_id"',
      'code app_private.founded_tenant(uuid,text,text,text): without "where tenants.id = v_tenant_id"',
    ],
  },
  {
    reason:
      "Killed by test/tasks/withdrawal_of_deleted.test.ts: a job is told of another tenant's customer, " +
      "which it leaves alone, as that tenant counts on it.",
    mutants: [
      'code app_private.tg_tenants__withdraw(): without "where billing_accounts.tenant_id = old.id"',
      'code app_private.tg_tenants__withdraw(): without "where stripe_customers.tenant_id = old.id"',
    ],
  },
  {
    reason:
      "Killed by test/db/30_tenancy/tenants.test.ts: it is about how many tenants a person founds, and " +
      "whoever is refused for others' learns no more than that.",
    mutants: [
      'code app_private.require_few_foundings(uuid): without "where memberships.user_id = p_user_id"',
      'code app_public.create_tenant(text,text,text,text): without "perform app_private.require_few_foundings(v_user_id);"',
    ],
  },
  {
    reason: "Killed by test/tasks/paid_after_closing.test.ts: operators alone see the alarm.",
    mutants: [
      'code app_private.tg_invoices__tell_paid_after_closing(): without "where tenants.id = new.tenant_id"',
    ],
  },
  {
    reason:
      "A job is booked for the same tenant, which finds nothing to do: the task asks again what the " +
      "price is billed by.",
    mutants: [
      'code app_private.tg_memberships__sync_seats(): without "where tenants.id = v_tenant_id"',
    ],
  },
  {
    reason:
      "Usage is put down and not reported, as without the trigger: it shuts, and opens nothing.",
    mutants: ['code app_private.tg_usage_records__report(): without "if found then"'],
  },
  {
    reason:
      "Granted to nobody: an operator calls it, who sees every tenant's jobs and alarms anyway.",
    mutants: [
      'code app_private.dismiss_alarm(uuid): without "if found then"',
      'code app_private.dismiss_alarm(uuid): without "where alarms.id = p_id"',
      'code app_private.dismiss_job(bigint): without "if found then"',
      'code app_private.dismiss_job(bigint): without "where jobs.id = p_id"',
      'code app_private.retry_job(bigint): without "if not found then"',
      'code app_private.retry_job(bigint): without "where jobs.id = p_id"',
      'code app_private.retry_job(bigint): without "where jobs.id = p_id;"',
    ],
  },
];
