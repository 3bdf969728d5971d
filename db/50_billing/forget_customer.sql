create or replace function app_private.forget_stripe_customer(
  p_tenant_id uuid,
  p_customer_id text
)
  returns boolean
  language plpgsql volatile parallel unsafe
as $$
begin
  update app_public.billing_accounts set
    stripe_customer_id = null,
    stripe_subscription_id = null,
    client_secret = null
  where billing_accounts.tenant_id = p_tenant_id
  and billing_accounts.stripe_customer_id = p_customer_id;
  if not found then
    return false;
  end if;

  /* Under its old keys a wish that is still open would be answered with the customer forgotten. */
  update app_private.billing_intents set
    is_in_doubt = false,
    first_attempt_at = null,
    key_generation = billing_intents.key_generation + 1
  where billing_intents.tenant_id = p_tenant_id
  and billing_intents.completed_at is null
  and billing_intents.failed_at is null;
  return true;
end;
$$;
comment on function app_private.forget_stripe_customer(uuid, text) is
  'Unties a customer that was deleted at Stripe from its tenant, so that no call is made with its id '
  'any more and provisioning makes another. Its subscriptions and invoices stay known. False when '
  'the tenant has another customer, or none.';

revoke all on function app_private.forget_stripe_customer(uuid, text) from public;
grant execute on function app_private.forget_stripe_customer(uuid, text) to app_worker;
