/*
 * Policies say nothing of these: they empty, lock or extend a table past row-level security, or
 * hand on a right. And nothing is granted to everyone: a role yet to come would have it too.
 */
select
  'error' as severity,
  format('%s for %s', relations.name, grantees.name) as object,
  case
    when grantees.oid = 0 then 'everyone holds ' || relation_grants.privilege
    when relation_grants.is_grantable then 'a run-time role may hand on ' || relation_grants.privilege
    else 'a run-time role holds ' || relation_grants.privilege
  end as problem,
  format(
    'revoke %s%s%s on %s from %s cascade;',
    case
      when grantees.oid <> 0
        and relation_grants.privilege not in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')
        then 'grant option for '
    end,
    relation_grants.privilege,
    ' (' || quote_ident(pg_attribute.attname) || ')',
    case relations.kind when 'S' then 'sequence ' else '' end || relations.name,
    grantees.name
  ) as remedy
from relation_grants
join relations on relations.oid = relation_grants.relation
join grantees on grantees.oid = relation_grants.grantee
left join pg_catalog.pg_attribute
  on pg_attribute.attrelid = relation_grants.relation
  and pg_attribute.attnum = relation_grants.column_number
  and relation_grants.column_number <> 0
where grantees.oid = 0
or relation_grants.is_grantable
or relation_grants.privilege in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN');
