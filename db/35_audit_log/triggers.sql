create or replace trigger _900_audit
  after insert or update or delete on app_public.tenants
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.memberships
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.invitations
  for each row execute function app_private.tg__audit();

create or replace trigger _900_audit
  after insert or update or delete on app_public.api_keys
  for each row execute function app_private.tg__audit('last_used_at');
