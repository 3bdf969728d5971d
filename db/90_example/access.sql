revoke all on app_public.projects, app_public.tasks from public, app_user, app_anonymous;
/* tenant_id is in no list: it is what the transaction says, at birth and for ever. */
grant
  select, delete,
  insert (name, status),
  update (name, status)
  on app_public.projects to app_user;
grant
  select, delete,
  insert (project_id, title, is_done, due_on),
  update (project_id, title, is_done, due_on)
  on app_public.tasks to app_user;
