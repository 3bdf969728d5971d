/*
 * Where a price is billed by seat, the number of members is the quantity at Stripe. A change of
 * members books a job, which counts when it runs and sets the absolute number. A sync that finds
 * another number at Stripe books the same job. When Stripe has the right number, as after our own
 * change, nothing is booked: so no change is ever an answer to our own event.
 */
create table if not exists app_private.seat_changes (
  tenant_id          uuid        not null,
  item_id            text        not null,
  lookup_key         text        not null,
  period_start       timestamptz not null,
  paid_quantity      integer     not null,
  quantity           integer     not null,
  proration_behavior text        not null,
  generation         integer     not null,
  is_in_doubt        boolean     not null default false,
  begun_at           timestamptz not null default now(),
  completed_at       timestamptz,
  constraint seat_changes_pkey primary key (tenant_id, item_id),
  constraint seat_changes_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint seat_changes_item_bounded check (char_length(item_id) between 1 and 255),
  constraint seat_changes_quantity_positive check (quantity > 0 and paid_quantity >= 0),
  constraint seat_changes_proration_known
    check (proration_behavior in ('create_prorations', 'none'))
);
comment on table app_private.seat_changes is
  'The last change of quantity that was asked of Stripe for each subscription item billed by seat: '
  'stored before the call, so that a repeated call is word for word the same, under the same key.';
comment on column app_private.seat_changes.paid_quantity is
  'The most seats there were since period_start. They are paid for: one that is filled again within '
  'the period is not charged twice.';
comment on column app_private.seat_changes.generation is
  'Part of the idempotency key, with begun_at. Counts up with each new wish, and when Stripe answered '
  '5xx.';
comment on column app_private.seat_changes.begun_at is
  'When the call was first made. Stripe forgets keys after 24 h; from 23 h on another one is used.';
comment on column app_private.seat_changes.completed_at is
  'When Stripe had the quantity; null while that is not known, and of generation 0 while more seats are '
  'sold than there are.';

alter table app_private.seat_changes enable row level security;
alter table app_private.seat_changes force row level security;
drop policy if exists all_worker on app_private.seat_changes;
create policy all_worker on app_private.seat_changes
  for all to app_worker using (true) with check (true);
drop policy if exists select_definer on app_private.seat_changes;
create policy select_definer on app_private.seat_changes
  for select to app_definer using (true);
revoke all on app_private.seat_changes from public, app_user, app_anonymous, app_worker, app_definer;
grant select, insert, update on app_private.seat_changes to app_worker;
/* The trigger on memberships asks when the last change was. */
grant select on app_private.seat_changes to app_definer;

create or replace function app_private.counts_seats(p_tenant_id uuid, p_item_id text)
  returns boolean
  language sql stable parallel safe
begin atomic
  select exists (
    select
    from app_private.seat_changes
    where seat_changes.tenant_id = p_tenant_id
    and seat_changes.item_id = p_item_id
  );
end;
comment on function app_private.counts_seats(uuid, text) is
  'Whether the quantity of this item was a number of seats: should its price come to be one that is '
  'not billed by seat, then that number is nothing that anybody wished for.';
revoke all on function app_private.counts_seats(uuid, text) from public;
grant execute on function app_private.counts_seats(uuid, text) to app_worker;

/*
 * security definer, which spares the worker the right to read who belongs to which tenant: it is
 * told a number.
 */
create or replace function app_private.billed_quantity(p_tenant_id uuid, p_lookup_key text)
  returns integer
  language sql stable security definer parallel safe
  set search_path = pg_catalog, pg_temp
begin atomic
  select case
    when exists (
      select
      from app_public.plan_prices
      where plan_prices.lookup_key = p_lookup_key
      and plan_prices.is_billed_by_seat
    ) then (
      select greatest(count(*), 1)::integer
      from app_public.memberships
      where memberships.tenant_id = p_tenant_id
    )
    else 1
  end;
end;
comment on function app_private.billed_quantity(uuid, text) is
  'The quantity in which a tenant is to have a price now: how many members it has where the price is '
  'billed by seat, else 1.';
alter function app_private.billed_quantity(uuid, text) owner to app_definer;
revoke all on function app_private.billed_quantity(uuid, text) from public;
grant execute on function app_private.billed_quantity(uuid, text) to app_worker;
