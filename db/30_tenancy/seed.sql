insert into app_public.roles (key, name, position) values
  ('owner',  'Owner',  1),
  ('admin',  'Admin',  2),
  ('member', 'Member', 3)
on conflict (key) do update set
  name = excluded.name,
  position = excluded.position;

insert into app_public.role_permissions (role_key, permission) values
  ('owner', 'billing.manage'),
  ('owner', 'tenant.manage'),
  ('admin', 'tenant.manage')
on conflict (role_key, permission) do nothing;
