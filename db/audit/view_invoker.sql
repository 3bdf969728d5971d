/* A view runs with its owner's rights unless it says security_invoker: the owner's policies count. */
select
  'error' as severity,
  relations.name as object,
  'the view does not run with its reader''s rights' as problem,
  format('alter view %s set (security_invoker = true);', relations.name) as remedy
from relations
join pg_catalog.pg_class on pg_class.oid = relations.oid
where relations.kind = 'v'
and not exists (
  select
  from pg_options_to_table(pg_class.reloptions) as options
  where options.option_name = 'security_invoker'
  and options.option_value::boolean
);
