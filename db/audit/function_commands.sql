/*
 * A function with its caller's rights can do by a command what set_config is taken away for: "set local
 * app.…" is to be in another tenant, "set local role" to be what else the login can become, such as the
 * identity provider. So can a text that it runs as SQL, once a client's words get into it. Whatever
 * the run time may call, or a trigger calls, has its commands reviewed, in reviewed_bodies.sql, for this
 * body. (A security-definer function has all of its body reviewed; standard SQL has no such commands.)
 */
with called as (
  select
    routines.oid,
    routines.name,
    regexp_replace(pg_proc.prosrc, '--[^\n]*|/\*.*?\*/', ' ', 'g') as source,
    pg_language.lanname as language
  from routines
  join pg_catalog.pg_proc on pg_proc.oid = routines.oid
  join pg_catalog.pg_language on pg_language.oid = pg_proc.prolang
  where not pg_proc.prosecdef
  and pg_proc.prosqlbody is null
  and (
    pg_proc.prorettype = 'trigger'::regtype
    /* An aggregate calls its functions for whoever may call the aggregate. */
    or routines.oid in (
      select unnest(array[pg_aggregate.aggtransfn, pg_aggregate.aggfinalfn]::oid[])
      from pg_catalog.pg_aggregate
    )
    or exists (
      select
      from aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as acl
      join grantees on grantees.oid = acl.grantee
    )
  )
),
judged as (
  select
    called.*,
    /* Where a statement begins: "update … set role = …" is another thing. */
    called.source ~* (
      '(^|[;''$]|\m(begin|then|else|loop)\M)\s*(set|reset)\s+((local|session)\s+)?'
      '"?(app"?\s*\.|(role|all|session_authorization|row_security|session_replication_role)\M'
      '|session\s+authorization\M)'
    ) as sets,
    called.language = 'plpgsql' and called.source ~* '\mexecute\M(?!\s+(function|procedure)\M)' as runs_text
  from called
)
select
  'error' as severity,
  judged.name as object,
  bodies.hash as detail,
  case
    when judged.sets then 'a function sets who its caller is, or whose rows are theirs'
    else 'a function runs a text as SQL'
  end as problem,
  format(
    'Write it without; or have it reviewed, and put into reviewed_bodies.sql: (%L, %L, %L, %L)',
    'function_commands',
    judged.name,
    bodies.hash,
    '…'
  ) as remedy
from judged
join bodies on bodies.routine = judged.oid
where judged.sets or judged.runs_text;
