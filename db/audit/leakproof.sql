/*
 * A function marked leakproof is run on rows before a policy has said whose they are; one that is
 * not, and prints or throws what it sees, shows another tenant's. Only what PostgreSQL ships as
 * leakproof may be it: those rows of the catalog are older than any transaction, and a mark that
 * somebody set (the advice for a quick ILIKE) is not.
 */
select
  'error' as severity,
  pg_proc.oid::regprocedure::text as object,
  'the function is marked leakproof' as problem,
  format('alter function %s not leakproof;', pg_proc.oid::regprocedure) as remedy
from pg_catalog.pg_proc
where pg_proc.proleakproof
and (pg_proc.oid >= 16384 or pg_proc.xmin::text::bigint > 2);
