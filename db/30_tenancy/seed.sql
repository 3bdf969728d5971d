insert into app_public.roles (key, name, position) values
  ('owner',  'Owner',  1),
  ('admin',  'Admin',  2),
  ('member', 'Member', 3)
on conflict (key) do update set
  name = excluded.name,
  position = excluded.position;

/* What a role may do is decided here and nowhere else; app_private.require_permission() asks. */
insert into app_public.role_permissions (role_key, permission) values
  ('owner',  'billing.manage'),
  ('owner',  'tenant.manage'),
  ('owner',  'tenant.transfer'),
  ('owner',  'members.read'),
  ('owner',  'members.invite'),
  ('owner',  'members.remove'),
  ('owner',  'members.change_role'),
  ('owner',  'api_keys.manage'),
  ('owner',  'audit.read'),
  ('admin',  'tenant.manage'),
  ('admin',  'members.read'),
  ('admin',  'members.invite'),
  ('admin',  'members.remove'),
  ('admin',  'members.change_role'),
  ('admin',  'api_keys.manage'),
  ('admin',  'audit.read'),
  ('member', 'members.read')
on conflict (role_key, permission) do nothing;
