/**
 * Who a statement runs as. The connection is a superuser's, so that a test can arrange what it
 * likes; acting changes the session's user as well as the role, so that every check of a right,
 * SET ROLE's included, is the one that the real login meets. (Only the login's own settings, such
 * as statement_timeout, do not come along: connect with `database.urls.server` to test those.)
 */
import type pg from "pg";

type Client = pg.ClientBase;
type Login = "rowhouse_server" | "rowhouse_worker";

/** Runs `work` as a signed-in person, through the door the server takes. */
export function asUser<T>(
  client: Client,
  who: { userId: string; tenantId?: string | null },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return acting(client, "rowhouse_server", work, () =>
    client.query(
      "select app_private.enter($1::uuid, $2::uuid), set_config('role', 'app_user', true)",
      [who.userId, who.tenantId ?? null],
    ),
  );
}

/** Runs `work` as a machine, with an API key's secret. */
export function asApiKey<T>(
  client: Client,
  secret: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return acting(client, "rowhouse_server", work, () =>
    client.query(
      `select
        app_private.enter(null, null, null, sha256(convert_to($1, 'UTF8'))),
        set_config('role', 'app_user', true)`,
      [secret],
    ),
  );
}

/** Runs `work` as a visitor who has not signed in. */
export function asAnonymous<T>(client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  return acting(client, "rowhouse_server", work, () =>
    client.query("select app_private.enter(null, null), set_config('role', 'app_anonymous', true)"),
  );
}

/** Runs `work` as the identity provider. */
export function asIdentity<T>(client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  return acting(client, "rowhouse_server", work, () =>
    client.query("select set_config('role', 'app_identity', true)"),
  );
}

/** Runs `work` as a task does. */
export function asWorker<T>(client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  return acting(client, "rowhouse_worker", work, () =>
    client.query("select set_config('role', 'app_worker', true)"),
  );
}

/** Needs an open transaction. What `work` wrote stays, unless it throws, as with a request. */
async function acting<T>(
  client: Client,
  login: Login,
  work: (client: Client) => Promise<T>,
  enter: () => Promise<unknown>,
): Promise<T> {
  const { rows } = await client.query<{ is_superuser: string }>("show is_superuser");
  if (rows[0]?.is_superuser !== "on") throw new Error("Someone acts already: end that first");
  await client.query("savepoint acting");
  let result: T;
  try {
    await client.query(`set local session authorization ${login}`);
    await enter();
    result = await work(client);
  } catch (error) {
    // The user, the role and the settings were changed after the savepoint, so they go back too.
    await client.query("rollback to savepoint acting");
    await client.query("release savepoint acting");
    throw error;
  }
  await client.query("set local session authorization default");
  await client.query("set local role none");
  await forgetSettings(client);
  await client.query("release savepoint acting");
  return result;
}

/** Empties each setting that our functions know, so that the next to act starts without any. */
async function forgetSettings(client: Client): Promise<void> {
  await client.query(`
    select set_config(setting, '', true)
    from (
      select distinct matches[1]
      from pg_proc, regexp_matches(prosrc, '''(app\\.[a-z_]+)''', 'g') as matches
      where pronamespace in ('app_public'::regnamespace, 'app_private'::regnamespace)
    ) as settings (setting)
  `);
}
