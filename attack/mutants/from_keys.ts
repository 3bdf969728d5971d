/** Faults in keys: those that lost tenant_id, and those that are gone. */
import type { Queryable } from "../fixture/tables.ts";
import type { Mutant } from "./mutant.ts";

const OURS = `('app_public', 'app_private', 'auth')`;
const RELATION = `format('%I.%I', nspname, pg_class.relname)`;
const COLUMNS = (numbers: string, relation: string, without = "''") => `(
  select string_agg(quote_ident(attname), ', ' order by position)
  from unnest(${numbers}) with ordinality as keys (number, position)
  join pg_attribute on attrelid = ${relation} and attnum = keys.number
  where attname <> ${without}
)`;

/**
 * A foreign key without tenant_id needs its parent to be unique without it, which is a fault of its
 * own; here it is hidden in a table that nothing else looks at, by a unique index.
 */
const FOREIGN_KEYS = `
  with keys as (
    select ${RELATION} as relation, conname, confrelid::regclass::text as parent,
      ${COLUMNS("conkey", "conrelid", "'tenant_id'")} as columns,
      ${COLUMNS("confkey", "confrelid", "'tenant_id'")} as parent_columns,
      pg_get_constraintdef(pg_constraint.oid) as definition, cardinality(conkey) as size,
      exists (
        select from pg_attribute where attrelid = conrelid and attname = 'tenant_id'
        and attnum = any (conkey)
      ) as has_tenant
    from pg_constraint
    join pg_class on pg_class.oid = conrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    where contype = 'f' and nspname in ${OURS}
  )
  select 'foreign key' as kind, relation as object, format('%s without tenant_id', conname) as change,
    format(
      'create unique index extra on %s (%s); alter table %s drop constraint %I; '
      'alter table %s add constraint %I foreign key (%s) references %s (%s) on delete cascade',
      parent, parent_columns, relation, conname, relation, conname, columns, parent, parent_columns
    ) as sql
  from keys where has_tenant and size > 1
  union all
  select 'foreign key', relation, format('%s dropped', conname),
    format('alter table %s drop constraint %I', relation, conname)
  from keys where has_tenant
  union all
  select 'foreign key', relation, format('%s sets null', conname),
    format('alter table %s drop constraint %I, add constraint %I %s on delete set null', relation,
      conname, conname, regexp_replace(definition, ' ON DELETE .*$', ''))
  from keys where has_tenant and size > 1
  union all
  select 'foreign key', relation, format('%s cascades updates', conname),
    format('alter table %s drop constraint %I, add constraint %I %s on update cascade', relation,
      conname, conname, definition)
  from keys where has_tenant
  order by 2, 3`;

const UNIQUES = `
  select 'unique key' as kind, ${RELATION} as object,
    format('%s without tenant_id', indexes.relname) as change,
    format(
      'create unique index extra on %s (%s)', ${RELATION},
      ${COLUMNS("indkey[0:indnkeyatts - 1]", "indrelid", "'tenant_id'")}
    ) as sql
  from pg_index
  join (select oid, relname from pg_class) as indexes on indexes.oid = indexrelid
  join pg_class on pg_class.oid = indrelid
  join pg_namespace on pg_namespace.oid = relnamespace
  where indisunique and nspname in ${OURS}
  and ${COLUMNS("indkey[0:indnkeyatts - 1]", "indrelid", "'tenant_id'")} is not null
  and exists (
    select from pg_attribute
    where attrelid = indrelid and attname = 'tenant_id' and attnum = any (indkey[0:indnkeyatts - 1])
  )
  order by 2, 3`;

/**
 * A check is isolation's business when it speaks of the tenant; any other is a rule about the row
 * itself, whose loss shows a tenant nothing of another. (There is none of the first kind so far:
 * "not null" on tenant_id is a table's fault.)
 */
const CHECKS = `
  select 'check' as kind, ${RELATION} as object, format('%s dropped', conname) as change,
    format('alter table %s drop constraint %I', ${RELATION}, conname) as sql,
    exists (
      select from pg_attribute where attrelid = conrelid and attname = 'tenant_id'
      and attnum = any (conkey)
    ) as of_tenant
  from pg_constraint
  join pg_class on pg_class.oid = conrelid
  join pg_namespace on pg_namespace.oid = relnamespace
  where contype = 'c' and nspname in ${OURS}
  order by 2, 3`;

/** Every such fault for the database at hand. */
export async function fromKeys(client: Queryable): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  for (const sql of [FOREIGN_KEYS, UNIQUES, CHECKS]) {
    const { rows } = await client.query<Mutant & { of_tenant?: boolean }>(sql);
    for (const { kind, object, change, sql: doing, of_tenant: ofTenant = true } of rows) {
      if (ofTenant) mutants.push({ kind, object, change, sql: doing, everywhere: false });
    }
  }
  return mutants;
}

/** How many checks are rules about the row alone, and so no mutants. */
export async function countDataChecks(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ of_tenant: boolean }>(CHECKS);
  return rows.filter(({ of_tenant: ofTenant }) => !ofTenant).length;
}
