/** Everything that can be read or written in a database, read from its catalog. */
import type { Queryable } from "../fixture/tables.ts";

export type Relation = {
  /** Qualified and quoted. */
  name: string;
  kind: "table" | "view" | "materialized view" | "foreign table" | "sequence";
  columns: { name: string; type: string; generated: boolean }[];
  primaryKey: string[];
  /** Unique indexes and what they are over, expressions left out. */
  uniques: { name: string; columns: string[]; condition: string | null }[];
  foreignKeys: { name: string; columns: string[]; parent: string; parentColumns: string[] }[];
};

/** The rights that a role holds on a relation, by column; deleting is of all columns or none. */
export type Rights = Readonly<Record<"select" | "insert" | "update" | "delete", readonly string[]>>;

const COLUMNS = (numbers: string, relation: string) => `array(
  select attname::text from unnest(${numbers}) with ordinality as keys (number, position)
  join pg_attribute on attrelid = ${relation} and attnum = keys.number order by position
)`;

const OURS = `
  nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)'
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid
    and deptype = 'e'
  )`;

const RELATIONS = `
  select format('%I.%I', nspname, relname) as name,
    case relkind when 'v' then 'view' when 'm' then 'materialized view'
      when 'f' then 'foreign table' when 'S' then 'sequence' else 'table' end as kind,
    array(
      select json_build_object(
        'name', attname, 'type', format_type(atttypid, atttypmod),
        'generated', attgenerated <> '' or attidentity = 'a'
      )
      from pg_attribute where attrelid = pg_class.oid and attnum > 0 and not attisdropped
      order by attnum
    ) as columns,
    coalesce((
      select ${COLUMNS("conkey", "conrelid")} from pg_constraint
      where conrelid = pg_class.oid and contype = 'p'
    ), '{}') as "primaryKey",
    array(
      select json_build_object(
        'name', format('%I.%I', nspname, indexes.relname),
        'columns', ${COLUMNS("indkey[0:indnkeyatts - 1]", "indrelid")},
        'condition', pg_get_expr(indpred, indrelid)
      )
      from pg_index join pg_class as indexes on indexes.oid = indexrelid
      where indrelid = pg_class.oid and indisunique order by indexes.relname
    ) as uniques,
    array(
      select json_build_object(
        'name', conname, 'columns', ${COLUMNS("conkey", "conrelid")},
        'parent', (
          select format('%I.%I', there.nspname, parent.relname)
          from pg_class as parent join pg_namespace as there on there.oid = parent.relnamespace
          where parent.oid = confrelid
        ), 'parentColumns', ${COLUMNS("confkey", "confrelid")}
      )
      from pg_constraint where conrelid = pg_class.oid and contype = 'f' order by conname
    ) as "foreignKeys"
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${OURS}
  order by 1`;

/** Every relation that is neither the system's nor an extension's. */
export async function readRelations(client: Queryable): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(RELATIONS);
  return rows;
}

export const NO_RIGHTS: Rights = { select: [], insert: [], update: [], delete: [] };

const RIGHTS = `
  select format('%I.%I', nspname, relname) as name, right_name as right, array_agg(attname::text) as columns
  from pg_class
  join pg_namespace on pg_namespace.oid = relnamespace
  join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
  cross join unnest('{select,insert,update,delete}'::text[]) as right_name
  where relkind in ('r', 'p', 'v', 'm', 'f') and ${OURS}
  and has_schema_privilege($1, relnamespace, 'usage')
  and case right_name
    when 'delete' then has_table_privilege($1, pg_class.oid, right_name)
    else has_column_privilege($1, pg_class.oid, attnum, right_name)
  end
  group by 1, 2`;

const ROUTINES = `
  select pg_proc.oid::regprocedure::text as signature
  from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
  where nspname not in ('pg_catalog', 'information_schema')
  and has_schema_privilege($1, pronamespace, 'usage')
  and has_function_privilege($1, pg_proc.oid, 'execute')`;

export type RoleRights = {
  relations: ReadonlyMap<string, Rights>;
  /** The functions that it may call, by signature. */
  routines: ReadonlySet<string>;
};

/** What a role may do, so that attacks go through the doors that stand open to it. */
export async function readRights(client: Queryable, role: string): Promise<RoleRights> {
  const { rows } = await client.query<{ name: string; right: keyof Rights; columns: string[] }>(
    RIGHTS,
    [role],
  );
  const relations = new Map<string, Rights>();
  for (const { name, right, columns } of rows) {
    const held = relations.get(name) ?? { ...NO_RIGHTS };
    relations.set(name, { ...held, [right]: columns });
  }
  const calls = await client.query<{ signature: string }>(ROUTINES, [role]);
  return { relations, routines: new Set(calls.rows.map(({ signature }) => signature)) };
}
