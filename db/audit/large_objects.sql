/*
 * A large object has an owner, which is one role for all tenants, and no policies. Files belong into
 * a bytea column or an object store.
 */
select
  'warning' as severity,
  'large objects of ' || pg_largeobject_metadata.lomowner::regrole as object,
  count(*) || ' large objects, which no policy holds back' as problem,
  format(
    'select lo_unlink(oid) from pg_catalog.pg_largeobject_metadata where lomowner = %s;',
    pg_largeobject_metadata.lomowner
  ) as remedy
from pg_catalog.pg_largeobject_metadata
group by pg_largeobject_metadata.lomowner;
