/*
 * Through a foreign server a statement leaves this database, and its policies, for another; it may
 * even come back as somebody else. Nobody of the run time may use one, own one, or has a name there.
 */
with things (object, target, owner, acl) as (
  select
    'server ' || quote_ident(pg_foreign_server.srvname),
    format('foreign server %I', pg_foreign_server.srvname),
    pg_foreign_server.srvowner,
    pg_foreign_server.srvacl
  from pg_catalog.pg_foreign_server
  union all
  select
    'foreign data wrapper ' || quote_ident(pg_foreign_data_wrapper.fdwname),
    format('foreign data wrapper %I', pg_foreign_data_wrapper.fdwname),
    pg_foreign_data_wrapper.fdwowner,
    pg_foreign_data_wrapper.fdwacl
  from pg_catalog.pg_foreign_data_wrapper
)
select
  'error' as severity,
  things.object,
  grantees.name as detail,
  grantees.name || ' may use it' as problem,
  format('revoke all on %s from %s cascade;', things.target, grantees.name) as remedy
from things
cross join lateral aclexplode(things.acl) as entry
join grantees on grantees.oid = entry.grantee
where entry.grantee <> things.owner
group by things.object, things.target, grantees.name
union all
select
  'error',
  things.object,
  'owner ' || grantees.name,
  grantees.name || ' owns it',
  format('alter %s owner to %I;', replace(things.target, 'foreign server', 'server'), current_user)
from things
join grantees on grantees.oid = things.owner
where grantees.oid <> 0
union all
select
  'error',
  'server ' || quote_ident(pg_user_mappings.srvname),
  'as ' || grantees.name,
  grantees.name || ' has a name there',
  format('drop user mapping for %s server %I;', grantees.name, pg_user_mappings.srvname)
from pg_catalog.pg_user_mappings
join grantees on grantees.oid = pg_user_mappings.umuser;
