create or replace trigger _900_audit
  after insert or update or delete on app_public.projects
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.tasks
  for each row execute function app_private.tg__audit();
