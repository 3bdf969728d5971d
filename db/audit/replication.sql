/*
 * Whoever reads the write-ahead log reads every tenant's rows, and what a subscription applies is
 * held back by no policy. A deliberate one, to a warehouse, has a row in exceptions.sql.
 */
select
  'warning' as severity,
  streams.object,
  'rows leave or come past row-level security' as problem,
  streams.remedy
from (
  select
    'publication ' || quote_ident(pg_publication.pubname),
    format('drop publication %I;', pg_publication.pubname)
  from pg_catalog.pg_publication
  union all
  select
    'slot ' || pg_replication_slots.slot_name,
    format('select pg_drop_replication_slot(%L);', pg_replication_slots.slot_name)
  from pg_catalog.pg_replication_slots
  where pg_replication_slots.slot_type = 'logical'
  and pg_replication_slots.database = current_database()
  union all
  select
    'subscription ' || quote_ident(pg_subscription.subname),
    format('drop subscription %I;', pg_subscription.subname)
  from pg_catalog.pg_subscription
  join pg_catalog.pg_database on pg_database.oid = pg_subscription.subdbid
  where pg_database.datname = current_database()
) as streams (object, remedy);
