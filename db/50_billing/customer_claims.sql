create or replace function app_private.check_customer_claim(
  p_customer_id text,
  p_claimed_tenant_id uuid
)
  returns void
  language plpgsql volatile parallel unsafe
as $$
declare
  v_tenant_id uuid;
begin
  select stripe_customers.tenant_id into v_tenant_id
  from app_private.stripe_customers
  where stripe_customers.id = p_customer_id;
  if v_tenant_id <> p_claimed_tenant_id then
    perform app_private.raise_alarm(
      'customer_of_another_tenant',
      p_customer_id,
      'The customer''s metadata at Stripe names a tenant that it does not belong to',
      jsonb_build_object('tenant_id', v_tenant_id, 'claimed_tenant_id', p_claimed_tenant_id)
    );
  else
    perform app_private.resolve_alarm('customer_of_another_tenant', p_customer_id);
  end if;
end;
$$;
comment on function app_private.check_customer_claim(text, uuid) is
  'Raises an alarm when a customer''s metadata, which anybody with the dashboard may write, names '
  'another tenant than the one it belongs to. What belongs to whom never follows metadata.';

revoke all on function app_private.check_customer_claim(text, uuid) from public;
grant execute on function app_private.check_customer_claim(text, uuid) to app_worker;
