/*
 * Functions in policies are cheap only while the planner can inline them: standard SQL, stable, safe
 * in parallel, with the reader's own rights and no settings of their own. A volatile one is called
 * for every row there is; an immutable one when the statement is planned, and the plan may then serve
 * another tenant. A body that is a text finds its names by the reader's search_path.
 */
select
  'error' as severity,
  pg_proc.oid::regprocedure::text as object,
  'the function can''t be inlined into policies' as problem,
  case
    when pg_proc.prosqlbody is null then format(
      'Write %s in standard SQL, language sql with "return" instead of a text.',
      pg_proc.oid::regprocedure
    )
    else format(
      'alter function %1$s stable parallel safe security invoker; alter function %1$s reset all;',
      pg_proc.oid::regprocedure
    )
  end as remedy
from pg_catalog.pg_proc
where pg_proc.oid in (
  select pg_depend.refobjid
  from pg_catalog.pg_depend
  join policies on policies.oid = pg_depend.objid
  where pg_depend.classid = 'pg_policy'::regclass
  and pg_depend.refclassid = 'pg_proc'::regclass
)
and (
  pg_proc.prosqlbody is null
  or pg_proc.provolatile <> 's'
  or pg_proc.proparallel <> 's'
  or pg_proc.prosecdef
  or pg_proc.proconfig is not null
);
