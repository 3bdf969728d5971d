/** A statement as a tenant's request sends it, and as one without row-level security must. */
export type PolicyQuery = {
  case: string;
  /** A name in SQL. */
  key: string;
  /** How often a batch runs it: enough for about ten milliseconds. */
  times: number;
  /** `:id` is one of the ids of the batch. */
  ours: string;
  /** The same with `:tenant` wherever it is needed. */
  theirs: string;
  /** Whether the ids are those of rows that exist. */
  ids: "existing" | "new";
};

const POINT =
  "select projects.name, projects.status, projects.created_at from app_public.projects " +
  "where projects.id = :id";

const JOIN =
  "select tasks.id, tasks.title, projects.name from app_public.tasks " +
  "join app_public.projects on projects.tenant_id = tasks.tenant_id " +
  "and projects.id = tasks.project_id";

/** Everyday statements. The first compares the baseline with itself: it shows what noise does. */
export const POLICY_QUERIES: readonly PolicyQuery[] = [
  {
    case: "(control: baseline twice)",
    key: "control",
    times: 300,
    ours: `${POINT} and projects.tenant_id = :tenant`,
    theirs: `${POINT} and projects.tenant_id = :tenant`,
    ids: "existing",
  },
  {
    case: "point lookup by id",
    key: "point",
    times: 300,
    ours: POINT,
    theirs: `${POINT} and projects.tenant_id = :tenant`,
    ids: "existing",
  },
  {
    case: "newest 20",
    key: "newest",
    times: 200,
    ours:
      "select projects.id, projects.name from app_public.projects " +
      "order by projects.created_at desc limit 20",
    theirs:
      "select projects.id, projects.name from app_public.projects " +
      "where projects.tenant_id = :tenant order by projects.created_at desc limit 20",
    ids: "existing",
  },
  {
    case: "count",
    key: "count",
    times: 30,
    ours: "select count(*) from app_public.projects",
    theirs: "select count(*) from app_public.projects where projects.tenant_id = :tenant",
    ids: "existing",
  },
  {
    case: "join, 100 rows",
    key: "join100",
    times: 60,
    ours: `${JOIN} order by tasks.id desc limit 100`,
    theirs: `${JOIN} where tasks.tenant_id = :tenant order by tasks.id desc limit 100`,
    ids: "existing",
  },
  {
    case: "update of one row",
    key: "update",
    times: 150,
    ours: "update app_public.projects set status = 'closed' where projects.id = :id",
    theirs:
      "update app_public.projects set status = 'closed' " +
      "where projects.tenant_id = :tenant and projects.id = :id",
    ids: "existing",
  },
  {
    case: "insert of one row",
    key: "insert",
    times: 150,
    ours: "insert into app_public.projects (name) values ('New ' || :id)",
    theirs: "insert into app_public.projects (tenant_id, name) values (:tenant, 'New ' || :id)",
    ids: "new",
  },
];

/**
 * A function that runs the statement once for each id and tells the microseconds that one took, and
 * how many rows all of them had.
 */
export function loopFunction(name: string, statement: string): string {
  const inside = statement
    .replace(/^select /, "perform ")
    .replaceAll(":id", "v_id")
    .replaceAll(":tenant", "p_tenant_id");
  return `
    create function ${name}(
      p_tenant_id uuid, p_ids uuid[], out microseconds double precision, out row_count bigint
    )
      language plpgsql volatile
    as $$
    declare
      v_id uuid;
      v_rows bigint;
      v_start timestamptz;
    begin
      row_count := 0;
      v_start := clock_timestamp();
      foreach v_id in array p_ids loop
        ${inside};
        get diagnostics v_rows = row_count;
        row_count := row_count + v_rows;
      end loop;
      microseconds :=
        extract(epoch from clock_timestamp() - v_start) * 1000000 / cardinality(p_ids);
    end;
    $$`;
}

/** The statement as it is prepared, with the tenant as $1 and the id as $2. */
export function withParameters(statement: string): string {
  return statement.replaceAll(":id", "$2").replaceAll(":tenant", "$1");
}
