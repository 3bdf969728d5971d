/*
 * Policies trust these functions, and are cheap only while the planner can inline them: plain SQL,
 * stable, safe in parallel, with the reader's own rights and no settings of their own. One that is
 * volatile, or marked leakproof though it is ours, would be a disaster that nobody sees.
 */
select
  'error' as severity,
  pg_proc.oid::regprocedure::text as object,
  case
    when pg_proc.proleakproof then 'the function is marked leakproof'
    else 'the function can''t be inlined into policies'
  end as problem,
  format(
    'alter function %s stable parallel safe not leakproof security invoker reset all;',
    pg_proc.oid::regprocedure
  ) as remedy
from pg_catalog.pg_proc
join pg_catalog.pg_language on pg_language.oid = pg_proc.prolang
where pg_proc.pronamespace::regnamespace::text in ('app_public', 'app_private', 'auth')
and (
  pg_proc.proleakproof
  or (
    exists (
      select
      from pg_catalog.pg_depend
      where pg_depend.classid = 'pg_policy'::regclass
      and pg_depend.refclassid = 'pg_proc'::regclass
      and pg_depend.refobjid = pg_proc.oid
    )
    and (
      pg_language.lanname <> 'sql'
      or pg_proc.provolatile = 'v'
      or pg_proc.proparallel <> 's'
      or pg_proc.prosecdef
      or pg_proc.proconfig is not null
    )
  )
);
