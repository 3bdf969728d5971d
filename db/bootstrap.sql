/*
 * What only a superuser can do, once for each database: roles, and rights that Postgres gives to
 * everyone by default. May be run again at any time. Passwords are not set here; see
 * docs/operations.md.
 *
 *   no login      rowhouse_owner    owns every object
 *                 app_user          a signed-in person's statements
 *                 app_anonymous     a visitor's statements
 *                 app_worker        the tasks' statements
 *                 app_identity      the identity provider's statements (schema auth)
 *                 app_definer       owns the few security-definer functions; subject to policies
 *                 app_searcher      owns the reviewed search functions
 *   login         rowhouse_server   becomes app_user, app_anonymous or app_identity
 *                 rowhouse_worker   becomes app_worker
 *                 rowhouse_migrator the deploy job; the only one with BYPASSRLS, because a forced
 *                                   owner's data migration would touch no row and say nothing
 */
do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'rowhouse_owner', 'rowhouse_migrator', 'rowhouse_server', 'rowhouse_worker',
    'app_user', 'app_anonymous', 'app_worker', 'app_identity', 'app_definer', 'app_searcher'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I nologin noinherit', v_role);
    end if;
  end loop;
end;
$$;

alter role rowhouse_owner    nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role app_user          nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role app_anonymous     nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role app_worker        nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role app_identity      nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role app_definer       nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role app_searcher      nologin noinherit nobypassrls nocreatedb nocreaterole;
alter role rowhouse_server   login   noinherit nobypassrls nocreatedb nocreaterole;
alter role rowhouse_worker   login   noinherit nobypassrls nocreatedb nocreaterole;
alter role rowhouse_migrator login   inherit   bypassrls   nocreatedb nocreaterole;

grant app_user, app_anonymous, app_identity to rowhouse_server;
grant app_worker to rowhouse_worker;
grant rowhouse_owner, app_definer, app_searcher to rowhouse_migrator;

/* Nobody waits for ever on a run-away statement, a lock, or a client that went away. */
alter role rowhouse_server set statement_timeout = '15s';
alter role rowhouse_server set lock_timeout = '3s';
alter role rowhouse_server set idle_in_transaction_session_timeout = '10s';
alter role rowhouse_worker set statement_timeout = '60s';
alter role rowhouse_worker set lock_timeout = '10s';
alter role rowhouse_worker set idle_in_transaction_session_timeout = '60s';
alter role rowhouse_migrator set lock_timeout = '10s';

/*
 * Where a whole table is read, what the client asked for is compared before the tenant is, as that is
 * cheaper: a refusal to say whose rows may be seen would come only where there is such a row, at
 * whosever. Through an index that has the tenant, which each of a tenant's tables has, the tenant
 * comes first, rows or none. The same holds for rows that are asked for by where they lie (ctid).
 * (jit: a table with no such index would seem too dear before 18.)
 */
alter role rowhouse_server set enable_seqscan = off;
alter role rowhouse_server set enable_tidscan = off;
alter role rowhouse_server set jit = off;

do $$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format(
    'grant connect on database %I to rowhouse_server, rowhouse_worker, rowhouse_migrator',
    current_database()
  );
  execute format(
    'grant create on database %I to rowhouse_owner, rowhouse_migrator', current_database()
  );
end;
$$;

revoke all on schema public from public;
grant usage on schema public to public;

/*
 * Functions are born executable by everyone. Only the global form of this statement takes that
 * back: with IN SCHEMA it would change nothing.
 */
alter default privileges for role rowhouse_owner revoke execute on functions from public;
alter default privileges for role rowhouse_migrator revoke execute on functions from public;

/*
 * Tenancy is a setting, so whoever can change settings can change tenant. A statement injected as
 * app_user must not: neither directly nor through the functions that run a text as SQL. Large
 * objects know no policies.
 */
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select pg_proc.oid::regprocedure
    from pg_catalog.pg_proc
    where pg_proc.pronamespace = 'pg_catalog'::regnamespace
    and (
      pg_proc.proname in ('set_config', 'ts_stat', 'ts_rewrite', 'lowrite', 'loread')
      or pg_proc.proname ~ '^(query|cursor|table|schema|database)_to_xml'
      or pg_proc.proname ~ '^lo_'
    )
  loop
    execute format('revoke execute on function %s from public', v_function);
  end loop;
end;
$$;
grant execute on function pg_catalog.set_config(text, text, boolean)
  to rowhouse_server, rowhouse_worker, rowhouse_migrator, app_definer;

/* PostgreSQL has uuidv7() since 18; before that, the same bits by the same rule (RFC 9562, 5.7). */
do $$
begin
  if current_setting('server_version_num')::integer < 180000 then
    create or replace function public.uuidv7() returns uuid
      language sql volatile parallel safe
    return encode(
      set_bit(
        set_bit(
          overlay(
            uuid_send(gen_random_uuid())
            placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
            from 1 for 6
          ),
          52, 1
        ),
        53, 1
      ),
      'hex'
    )::uuid;
    grant execute on function public.uuidv7() to public;
  end if;
end;
$$;
