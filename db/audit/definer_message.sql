/*
 * A security-definer function sees more rows than its caller. A message with a value in it, or an
 * error handed on word for word, may tell the caller what stands in them: say the rule that was
 * broken, and put the caller's own input into "detail".
 */
select
  'warning' as severity,
  routines.name as object,
  'a security-definer function puts a value into a message' as problem,
  'Make the message of "raise" a fixed text, and hand on no SQLERRM.' as remedy
from routines
join pg_catalog.pg_proc on pg_proc.oid = routines.oid
where pg_proc.prosecdef
and (
  pg_proc.prosrc ~* 'raise\s+((debug|log|info|notice|warning|exception)\s+)?''([^'']|'''')*%'
  or pg_proc.prosrc ~* '\msqlerrm\M|\mmessage_text\M|\mpg_exception_detail\M'
);
