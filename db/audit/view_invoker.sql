/* A view runs with its owner's rights unless it says security_invoker: the owner's policies count. */
select
  'error' as severity,
  pg_class.oid::regclass::text as object,
  case pg_class.relkind
    when 'v' then 'the view does not run with its reader''s rights'
    else 'a materialized view or foreign table knows no row-level security'
  end as problem,
  case pg_class.relkind
    when 'v' then format('alter view %s set (security_invoker = true);', pg_class.oid::regclass)
    else format('drop it, or put it where no run-time role reaches: %s', pg_class.oid::regclass)
  end as remedy
from pg_catalog.pg_class
where pg_class.relnamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and (
  pg_class.relkind in ('m', 'f')
  or (
    pg_class.relkind = 'v'
    and not exists (
      select
      from pg_options_to_table(pg_class.reloptions) as options
      where options.option_name = 'security_invoker'
      and options.option_value::boolean
    )
  )
);
