/*
 * An extension's functions are executable by everyone, some of them run a text as SQL, open other
 * servers or files. One that was looked at has a row in exceptions.sql.
 */
select
  'warning' as severity,
  quote_ident(pg_extension.extname) as object,
  'an extension that nobody reviewed' as problem,
  format('drop extension %I;', pg_extension.extname) as remedy
from pg_catalog.pg_extension
/* plpgsql is there from the beginning. */
where pg_extension.oid >= 16384;
