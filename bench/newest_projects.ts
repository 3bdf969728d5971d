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

/**
 * As somebody writes it by hand who wants the whole answer from one statement, ready to send. Rows
 * become JSON as they are: of the ways that need no care with quoting, it is the quickest, a third
 * quicker than json_build_object.
 */
export const NEWEST_PROJECTS_SQL = `
  select json_build_object('data', json_build_object('projects', json_build_object(
    'nodes', coalesce(json_agg(page), '[]')
  )))::text as body
  from (
    select
      newest.id as "rowId",
      newest.name,
      newest.status,
      newest.created_at as "createdAt",
      (
        select row_to_json(connection)
        from (
          select coalesce(json_agg(task), '[]') as nodes
          from (
            select
              tasks.id as "rowId",
              tasks.title,
              tasks.is_done as "isDone",
              tasks.due_on as "dueOn",
              tasks.created_at as "createdAt"
            from app_public.tasks
            where tasks.tenant_id = newest.tenant_id
            and tasks.project_id = newest.id
            order by tasks.created_at, tasks.id
            limit 10
          ) task
        ) connection
      ) as tasks
    from (
      select projects.tenant_id, projects.id, projects.name, projects.status, projects.created_at
      from app_public.projects
      order by projects.created_at desc, projects.id
      limit $1
    ) newest
  ) page`;
