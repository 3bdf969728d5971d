/** The SQL of a new table of tenants, as db/90_example has it: docs/extending.md goes through it. */

export type NewTable = {
  /** Plural, as in app_public.<name>. */
  name: string;
  /** The table whose rows its rows belong to, and the word for one of them. */
  parent: { name: string; singular: string } | undefined;
  /** Whether there is an audit log to write its changes to. */
  isLogged: boolean;
};

/** The files of a table's folder, in the order in which they are run. */
export function filesOf(table: NewTable): [file: string, sql: string][] {
  return [
    ["tables.sql", tablesSql(table)],
    ["access.sql", accessSql(table)],
    ["policies.sql", policiesSql(table)],
    ...(table.isLogged ? [["triggers.sql", triggersSql(table)] satisfies [string, string]] : []),
  ];
}

function tablesSql({ name, parent }: NewTable): string {
  const reference =
    parent === undefined
      ? `  constraint ${name}_tenant_fkey
    foreign key (tenant_id) references app_public.tenants (id) on delete cascade,`
      : `  constraint ${name}_${parent.singular}_fkey
    foreign key (tenant_id, ${parent.singular}_id)
    references app_public.${parent.name} (tenant_id, id) on delete cascade,`;
  const columns = [
    ["tenant_id", "uuid", "not null default app_private.current_tenant_id()"],
    ["id", "uuid", "not null default uuidv7()"],
    ...(parent === undefined ? [] : [[`${parent.singular}_id`, "uuid", "not null"]]),
    ["name", "text", "not null"],
    ["created_at", "timestamptz", "not null default now()"],
  ];
  const width = Math.max(...columns.map(([column = ""]) => column.length));
  const lines = columns.map(
    ([column = "", type = "", rest = ""]) =>
      `  ${column.padEnd(width)} ${type.padEnd("timestamptz".length)} ${rest},`,
  );
  return `create table if not exists app_public.${name} (
${lines.join("\n")}
  constraint ${name}_pkey primary key (tenant_id, id),
${reference}
  constraint ${name}_name_bounded check (char_length(name) between 1 and 200),
  constraint ${name}_name_printable check (
    name ~ '[^[:space:]]' and name !~ '[[:cntrl:]]'
  )
);
comment on table app_public.${name} is '${sentenceOf(name, parent?.singular)}';
${referenceComment(name, parent?.singular)}
${indexSql(name, parent?.singular)}
`;
}

function sentenceOf(name: string, singular: string | undefined): string {
  const words = name.replaceAll("_", " ");
  const owner = singular === undefined ? "tenant" : singular.replaceAll("_", " ");
  return `The ${words} of a ${owner}.`;
}

function referenceComment(name: string, singular: string | undefined): string {
  return singular === undefined
    ? `comment on constraint ${name}_tenant_fkey on app_public.${name} is
  E'@fieldName tenant\\n@backwardBehavior -*';`
    : `comment on constraint ${name}_${singular}_fkey on app_public.${name} is
  E'@fieldName ${camelCase(singular)}\\n@foreignFieldName ${camelCase(name)}';`;
}

function indexSql(name: string, singular: string | undefined): string {
  return singular === undefined
    ? `/* Serves: the newest first. */
create index if not exists ${name}_created_idx
  on app_public.${name} (tenant_id, created_at desc, id);`
    : `/* Serves: those of one ${singular.replaceAll("_", " ")} in order of creation (and the foreign key). */
create index if not exists ${name}_${singular}_idx
  on app_public.${name} (tenant_id, ${singular}_id, created_at, id);`;
}

function accessSql({ name, parent }: NewTable): string {
  const atBirth = parent === undefined ? "name" : `${parent.singular}_id, name`;
  return `revoke all on app_public.${name} from public, app_user, app_anonymous;
/* tenant_id is in no list: it is what the transaction says, at birth and for ever. */
grant
  select, delete,
  insert (${atBirth}),
  update (name)
  on app_public.${name} to app_user;
`;
}

function policiesSql({ name }: NewTable): string {
  const policy = (
    command: string,
    rest: string,
  ) => `drop policy if exists ${command}_tenant on app_public.${name};
create policy ${command}_tenant on app_public.${name}
  for ${command} to app_user
${rest};
`;
  return `alter table app_public.${name} enable row level security;
alter table app_public.${name} force row level security;
${policy("select", "  using (tenant_id = app_private.current_tenant_id())")}${policy(
    "insert",
    "  with check (tenant_id = app_private.writable_tenant_id())",
  )}${policy(
    "update",
    "  using      (tenant_id = app_private.writable_tenant_id())\n  with check (tenant_id = app_private.writable_tenant_id())",
  )}${policy("delete", "  using (tenant_id = app_private.writable_tenant_id())")}`;
}

function triggersSql({ name }: NewTable): string {
  return `create or replace trigger _900_audit
  after insert or update or delete on app_public.${name}
  for each row execute function app_private.tg__audit();
`;
}

function camelCase(snake: string): string {
  return snake.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
