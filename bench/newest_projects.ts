/** One page of a frontend, asked for in two ways that must have the same answer. */

/** As the GraphQL API is asked. */
export const NEWEST_PROJECTS_QUERY = `
  query NewestProjects($first: Int!) {
    projects(first: $first, orderBy: [CREATED_AT_DESC]) {
      nodes {
        rowId name status createdAt
        tasks(first: 10, orderBy: [CREATED_AT_ASC]) {
          nodes { rowId title isDone dueOn createdAt }
        }
      }
    }
  }`;

/** How many projects the page has. */
export const PAGE_SIZE = 20;

/** As somebody writes it by hand who wants the whole answer from one statement, ready to send. */
export const NEWEST_PROJECTS_SQL = `
  select json_build_object('data', json_build_object('projects', json_build_object(
    'nodes', coalesce(json_agg(json_build_object(
      'rowId', projects.id,
      'name', projects.name,
      'status', projects.status,
      'createdAt', to_char(projects.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM'),
      'tasks', json_build_object('nodes', first_tasks.nodes)
    ) order by projects.created_at desc, projects.id), '[]')
  )))::text as body
  from (
    select tenant_id, id, name, status, created_at
    from app_public.projects
    order by created_at desc, id
    limit $1
  ) projects
  cross join lateral (
    select coalesce(json_agg(json_build_object(
      'rowId', tasks.id,
      'title', tasks.title,
      'isDone', tasks.is_done,
      'dueOn', tasks.due_on,
      'createdAt', to_char(tasks.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM')
    ) order by tasks.created_at, tasks.id), '[]') as nodes
    from (
      select id, title, is_done, due_on, created_at
      from app_public.tasks
      where tasks.tenant_id = projects.tenant_id
      and tasks.project_id = projects.id
      order by created_at, id
      limit 10
    ) tasks
  ) first_tasks`;
