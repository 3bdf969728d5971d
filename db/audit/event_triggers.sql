/*
 * An event trigger runs as whoever changes the schema: as the deploy job, which row-level security
 * does not bind. One that a platform or a tool brings has a row in exceptions.sql.
 */
select
  'warning' as severity,
  quote_ident(pg_event_trigger.evtname) as object,
  'an event trigger that nobody reviewed' as problem,
  format('drop event trigger %I;', pg_event_trigger.evtname) as remedy
from pg_catalog.pg_event_trigger;
