/*
 * A foreign key between tenants' tables is checked by triggers of the system, and the audit log is
 * written by one of ours. Switched off "for a moment", for an import, they keep nothing apart.
 */
select
  'error' as severity,
  format('%s on %s', coalesce(pg_constraint.conname, pg_trigger.tgname), tables.name) as object,
  'its trigger is switched off' as problem,
  format('alter table %s enable trigger %I;', tables.name, pg_trigger.tgname) as remedy
from pg_catalog.pg_trigger
join tables on tables.oid = pg_trigger.tgrelid
left join pg_catalog.pg_constraint on pg_constraint.oid = pg_trigger.tgconstraint
where pg_trigger.tgenabled in ('D', 'R');
