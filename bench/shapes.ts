/** A statement as a tenant's request sends it, and as one without row-level security must. */
export type Shape = {
  /** A name in SQL. */
  key:
    | "point"
    | "page"
    | "count"
    | "children"
    | "parents"
    | "update"
    | "insert"
    | "openTasks"
    | "byTitle";
  case: string;
  /** How many leave in one batch: enough for some milliseconds. */
  times: number;
  /** `:id` is that of a row of the tenant, `:name` is new. */
  ours: string;
  /** The same with `:tenant` wherever it is needed. */
  theirs: string;
};

const POINT =
  "select projects.name, projects.status, projects.created_at from app_public.projects " +
  "where projects.id = :id::uuid";

const NEWEST_PROJECTS =
  "select projects.tenant_id, projects.id, projects.name from app_public.projects";

const CHILDREN = (newest: string) =>
  `select projects.name, tasks.title from (${newest} order by projects.created_at desc limit 20) ` +
  "as projects join app_public.tasks on tasks.tenant_id = projects.tenant_id " +
  "and tasks.project_id = projects.id";

const PARENTS =
  "select tasks.id, tasks.title, projects.name from app_public.tasks " +
  "join app_public.projects on projects.tenant_id = tasks.tenant_id " +
  "and projects.id = tasks.project_id";

/** Everyday statements; those that write come last, since what they leave slows others. */
export const SHAPES: readonly Shape[] = [
  {
    key: "point",
    case: "point lookup",
    times: 200,
    ours: POINT,
    theirs: `${POINT} and projects.tenant_id = :tenant::uuid`,
  },
  {
    key: "page",
    case: "first page, 20 rows",
    times: 100,
    ours:
      "select projects.id, projects.name from app_public.projects " +
      "order by projects.created_at desc limit 20",
    theirs:
      "select projects.id, projects.name from app_public.projects " +
      "where projects.tenant_id = :tenant::uuid order by projects.created_at desc limit 20",
  },
  {
    key: "count",
    case: "count",
    times: 20,
    ours: "select count(*) from app_public.projects",
    theirs: "select count(*) from app_public.projects where projects.tenant_id = :tenant::uuid",
  },
  {
    key: "children",
    case: "join, 20 projects and their 240 tasks",
    times: 30,
    ours: CHILDREN(NEWEST_PROJECTS),
    theirs:
      CHILDREN(`${NEWEST_PROJECTS} where projects.tenant_id = :tenant::uuid`) +
      " where tasks.tenant_id = :tenant::uuid",
  },
  {
    key: "parents",
    case: "join, 100 tasks and the project of each",
    times: 30,
    ours: `${PARENTS} order by tasks.id desc limit 100`,
    theirs: `${PARENTS} where tasks.tenant_id = :tenant::uuid order by tasks.id desc limit 100`,
  },
  {
    key: "update",
    case: "update of one row",
    times: 100,
    ours: "update app_public.projects set status = 'closed' where projects.id = :id::uuid",
    theirs:
      "update app_public.projects set status = 'closed' " +
      "where projects.tenant_id = :tenant::uuid and projects.id = :id::uuid",
  },
  {
    key: "insert",
    case: "insert of one row",
    times: 100,
    ours: "insert into app_public.projects (name) values (:name::text)",
    theirs: "insert into app_public.projects (tenant_id, name) values (:tenant::uuid, :name::text)",
  },
];

const OPEN_TASKS =
  "select count(*) from app_public.tasks " +
  "join app_public.projects on projects.tenant_id = tasks.tenant_id " +
  "and projects.id = tasks.project_id where projects.status = 'open'";

/** For tenants of very different size: those that read, and two whose best plan depends on it. */
export const SKEW_SHAPES: readonly Shape[] = [
  ...SHAPES.filter(({ key }) => key !== "update" && key !== "insert"),
  {
    key: "openTasks",
    case: "tasks of open projects, counted",
    times: 5,
    ours: OPEN_TASKS,
    theirs: `${OPEN_TASKS} and tasks.tenant_id = :tenant::uuid`,
  },
  {
    key: "byTitle",
    case: "20 tasks by title, no index for it",
    times: 5,
    ours: "select tasks.id, tasks.title from app_public.tasks order by tasks.title limit 20",
    theirs:
      "select tasks.id, tasks.title from app_public.tasks " +
      "where tasks.tenant_id = :tenant::uuid order by tasks.title limit 20",
  },
];

/** The values that a shape's statement may ask for. */
export type Values = { id: string; name: string; tenant: string };

/** A statement with numbered parameters, and the values for them in order. */
export function bindable(statement: string): {
  text: string;
  valuesOf: (values: Values) => string[];
} {
  const names: (keyof Values)[] = [];
  const text = statement.replaceAll(/(?<!:):(id|name|tenant)\b/g, (_, name: keyof Values) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { text, valuesOf: (values) => names.map((name) => values[name]) };
}
