/*
 * A rule rewrites statements into others, which then run with the rights of the table's owner: past
 * the policies of whoever wrote the statement. Use a trigger.
 */
select
  'error' as severity,
  format('%s on %s', pg_rewrite.rulename, relations.name) as object,
  'a rewrite rule runs with the owner''s rights' as problem,
  format('drop rule %I on %s;', pg_rewrite.rulename, relations.name) as remedy
from pg_catalog.pg_rewrite
join relations on relations.oid = pg_rewrite.ev_class
where pg_rewrite.rulename <> '_RETURN';
