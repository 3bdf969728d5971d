/*
 * Functions in policies are cheap only while the planner can inline them: plain SQL, stable, safe in
 * parallel, with the reader's own rights and no settings of their own. A volatile one is called for
 * every row there is.
 */
select
  'error' as severity,
  pg_proc.oid::regprocedure::text as object,
  'the function can''t be inlined into policies' as problem,
  case
    when pg_language.lanname <> 'sql'
      then format('Write %s in language sql.', pg_proc.oid::regprocedure)
    else format(
      'alter function %1$s stable parallel safe security invoker; alter function %1$s reset all;',
      pg_proc.oid::regprocedure
    )
  end as remedy
from pg_catalog.pg_proc
join pg_catalog.pg_language on pg_language.oid = pg_proc.prolang
where pg_proc.oid in (
  select pg_depend.refobjid
  from pg_catalog.pg_depend
  join policies on policies.oid = pg_depend.objid
  where pg_depend.classid = 'pg_policy'::regclass
  and pg_depend.refclassid = 'pg_proc'::regclass
)
and (
  pg_language.lanname <> 'sql'
  or pg_proc.provolatile = 'v'
  or pg_proc.proparallel <> 's'
  or pg_proc.prosecdef
  or pg_proc.proconfig is not null
);
