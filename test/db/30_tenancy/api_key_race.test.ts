/** A key in use while it is used, rotated and revoked: real connections, real commits. */
import pg from "pg";

import { test as base } from "../../support/committed.ts";
import { expect, waitUntil, withClient } from "../../support/index.ts";
import { createApiKey, revokeApiKey, rotateApiKey, type MadeKey } from "../../support/api_keys.ts";
import { codeOf, rowOf } from "../../support/query.ts";

type Owner = { userId: string; tenantId: string };

/** `key` is new in each test; `manage` runs as the owner and commits. */
const test = base.extend<{
  $test: { owner: Owner; key: MadeKey; manage: <T>(work: Work<T>) => Promise<T> };
}>({
  owner: async ({ cast }, use) => {
    await use({ userId: cast.alice, tenantId: cast.acme });
  },
  manage: async ({ database }, use) => {
    await use((work) => committed(database.urls.superuser, work));
  },
  key: async ({ owner, manage }, use) => {
    await use(await manage((client) => createApiKey(client, owner)));
  },
});

type Work<T> = (client: pg.Client) => Promise<T>;

async function committed<T>(url: string, work: Work<T>): Promise<T> {
  return withClient(url, async (client) => {
    await client.query("set lock_timeout = '2s'");
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  });
}

/** What the server does first in a request with a key. */
async function enter(client: pg.ClientBase, secret: string): Promise<void> {
  await client.query("begin");
  await client.query(
    `select app_private.enter(null, null, null, sha256(convert_to($1, 'UTF8'))),
      set_config('role', 'app_user', true)`,
    [secret],
  );
}

test("of 50 uses at once none waits for another, and one is noted", async ({
  database,
  key,
  manage,
}) => {
  const pool = new pg.Pool({ connectionString: database.urls.server, max: 50 });
  const clients = await Promise.all(Array.from({ length: 50 }, () => pool.connect()));
  try {
    // Nobody commits before everybody is in: whoever waited would wait for ever.
    await Promise.all(
      clients.map(async (client) => {
        await client.query("set lock_timeout = '2s'");
        await enter(client, key.secret);
      }),
    );
    await Promise.all(clients.map((client) => client.query("commit")));
  } finally {
    for (const client of clients) client.release(true);
    await pool.end();
  }
  const { uses } = await manage((client) =>
    rowOf<{ uses: string }>(
      client,
      "select count(last_used_at) as uses from app_private.api_key_uses where api_key_id = $1",
      [key.id],
    ),
  );
  expect(uses).toBe("1");
});

test("an open request with a key holds up neither its rotation nor its end", async ({
  database,
  owner,
  key,
  manage,
}) => {
  await withClient(database.urls.server, async (client) => {
    await enter(client, key.secret);
    await client.query("insert into app_public.projects (name) values ('under way')");
    const secret = await manage((admin) => rotateApiKey(admin, owner, key));
    await manage((admin) => revokeApiKey(admin, owner, key.id));
    // The request that had begun ends well; the next does not begin.
    await client.query("commit");
    expect(await codeOf(enter(client, key.secret))).toBe("LOGIN");
    await client.query("rollback");
    expect(await codeOf(enter(client, secret))).toBe("LOGIN");
  });
});

test("a key counts as revoked from the commit on, not before", async ({
  database,
  owner,
  key,
  manage,
}) => {
  await withClient(database.urls.server, async (client) => {
    await manage(async (admin) => {
      await revokeApiKey(admin, owner, key.id);
      await enter(client, key.secret);
      await client.query("rollback");
    });
    expect(await codeOf(enter(client, key.secret))).toBe("LOGIN");
  });
});

test("of two rotations at once both secrets are told, and the later one stands", async ({
  database,
  owner,
  key,
  manage,
}) => {
  const [first, second] = await Promise.all(
    [1, 2].map(() => manage((client) => rotateApiKey(client, owner, key))),
  );
  const uses = await Promise.all(
    [key.secret, first ?? "", second ?? ""].map((secret) =>
      withClient(database.urls.server, (client) => codeOf(enter(client, secret))),
    ),
  );
  expect(uses[0]).toBe("LOGIN");
  expect(new Set(uses.slice(1))).toEqual(new Set(["LOGIN", "done"]));
});

test("whoever is demoted while they wait for the members' lock gets no secret", async ({
  database,
  cast,
  owner,
  key,
  manage,
}) => {
  const { bob, acme } = cast;
  const admin = { userId: bob, tenantId: acme };
  const roleOfBob = (client: pg.Client, role: string) =>
    client.query("update app_public.memberships set role = $1 where user_id = $2", [role, bob]);
  const attempts: Work<unknown>[] = [
    (client) => createApiKey(client, admin),
    (client) => rotateApiKey(client, admin, key),
  ];
  for (const attempt of attempts) {
    await manage((client) => roleOfBob(client, "admin"));
    const secret = await withClient(database.urls.superuser, async (client) => {
      await client.query("begin");
      await client.query("select from app_public.tenants where id = $1 for no key update", [acme]);
      await roleOfBob(client, "member");
      const waiting = codeOf(manage(attempt));
      await waitUntil(async () => {
        const { rows } = await client.query(
          "select from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))",
        );
        return rows.length > 0;
      });
      await client.query("commit");
      return waiting;
    });
    expect(secret).toBe("DNIED");
  }
  expect(await codeOf(manage((client) => rotateApiKey(client, owner, key)))).toBe("done");
});
