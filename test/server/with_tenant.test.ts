import type pg from "pg";

import { TENANT_SETTINGS } from "../../server/tenant_statements.ts";
import { withTenant, type TenantClient } from "../../server/with_tenant.ts";
import { test as base } from "../support/committed.ts";
import { countFlights } from "../support/flights.ts";
import { describe, expect, withClient } from "../support/index.ts";
import {
  cuttableWire,
  expectClean,
  namesOf,
  neighbour,
  pidOf,
  poolOf,
} from "../support/tenant_pool.ts";

const INSERT = "insert into app_public.projects (name) values ($1)";
const NAMES = "select name from app_public.projects order by name";

/** `pool` has one connection, so that the next to ask gets the same one. */
const test = base.extend<{
  $test: { pool: pg.Pool; acme: { tenantId: string; userId: string } };
}>({
  pool: async ({ database }, use) => {
    const pool = poolOf(database);
    await use(pool);
    await pool.end();
  },
  acme: async ({ cast }, use) => {
    await use({ tenantId: cast.acme, userId: cast.alice });
  },
});

describe("a tenant's transaction", () => {
  test("is the person's, in the tenant, and is kept when the work ends well", async ({
    pool,
    acme,
    cast,
    database,
  }) => {
    const names = await withTenant(pool, acme, async (client) => {
      await client.query(INSERT, ["kept"]);
      return (await client.query<{ name: string }>(NAMES)).rows;
    });
    expect(names).toEqual([{ name: "kept" }]);
    await withClient(database.urls.superuser, async (admin) => {
      const { rows } = await admin.query("select tenant_id, name from app_public.projects");
      expect(rows).toEqual([{ tenant_id: cast.acme, name: "kept" }]);
    });
    expect(
      await withTenant(pool, neighbour(cast), async (client) => (await client.query(NAMES)).rows),
    ).toEqual([]);
  });

  test("is undone as a whole when the work throws, and the reason comes out", async ({
    pool,
    acme,
  }) => {
    const broken = withTenant(pool, acme, async (client) => {
      await client.query(INSERT, ["lost"]);
      throw new Error("after the write");
    });
    await expect(broken).rejects.toThrow("after the write");
    await expect(
      withTenant(pool, acme, async (client) => {
        await client.query(INSERT, ["lost"]);
        await client.query("select 1 / 0");
      }),
    ).rejects.toMatchObject({ code: "22012" });
    expect(await namesOf(pool, acme)).not.toContain("lost");
  });

  test("can undo a part of itself", async ({ pool, acme }) => {
    await withTenant(pool, acme, async (client) => {
      await client.query(INSERT, ["outer"]);
      await client.savepoint(async () => client.query(INSERT, ["outer"])).catch(() => undefined);
      await client.savepoint(async () => client.query(INSERT, ["inner"]));
    });
    expect(await namesOf(pool, acme)).toEqual(expect.arrayContaining(["inner", "outer"]));
  });

  test("is not entered by a stranger, nor by nobody", async ({ pool, cast }) => {
    let isReached = false;
    const work = async () => {
      isReached = true;
    };
    const { mallory: userId, acme: tenantId } = cast;
    await expect(withTenant(pool, { tenantId, userId }, work)).rejects.toMatchObject({
      code: "TNFND",
    });
    await expect(withTenant(pool, { tenantId, userId: "" }, work)).rejects.toMatchObject({
      code: "22P02",
    });
    expect(isReached).toBe(false);
    await expectClean(pool, 1);
  });

  test("takes one round trip to enter and one to leave, where the pool pipelines", async ({
    database,
    acme,
  }) => {
    const url = new URL(database.urls.server);
    await using counter = await countFlights({ host: url.hostname, port: Number(url.port) });
    url.hostname = "127.0.0.1";
    url.port = String(counter.port);
    const pool = poolOf({ urls: { ...database.urls, server: url.href } });
    try {
      const once = () => withTenant(pool, acme, (client) => client.query(NAMES));
      await once();
      expect(await counter.during(once)).toBe(3);
    } finally {
      await pool.end();
    }
  });

  test("looks for every setting that a function of ours knows", async ({ db }) => {
    const { rows } = await db.query<{ setting: string }>(`
      select distinct matches[1] as setting
      from pg_proc, regexp_matches(prosrc, '''(app\\.[a-z_]+)''', 'g') as matches
      where pronamespace in ('app_public'::regnamespace, 'app_private'::regnamespace)
    `);
    const known: readonly string[] = TENANT_SETTINGS;
    expect(rows.map(({ setting }) => setting).filter((name) => !known.includes(name))).toEqual([]);
    expect(rows.length).toBeGreaterThan(3);
  });
});

describe("the work's client", () => {
  test("is dead when the work is over, also for a statement begun before", async ({
    pool,
    acme,
  }) => {
    let kept: TenantClient | undefined;
    await withTenant(pool, acme, async (client) => {
      kept = client;
    });
    const late = kept?.query(NAMES);
    await expect(late).rejects.toThrow("is over");
    await expect(kept?.savepoint(async () => 1)).rejects.toThrow("is over");
  });

  test("is the same in whatever case the ids are written", async ({ pool, acme }) => {
    const loud = { tenantId: acme.tenantId.toUpperCase(), userId: acme.userId.toUpperCase() };
    await withTenant(pool, loud, (client) => client.query(INSERT, ["loud"]));
    expect(await namesOf(pool, acme)).toContain("loud");
  });

  test("takes one statement at a time", async ({ pool, acme }) => {
    await expect(
      withTenant(pool, acme, (client) => client.query("select 1; select 2")),
    ).rejects.toMatchObject({ code: "42601" });
  });

  test("must be awaited: what was left running is undone, and said", async ({ pool, acme }) => {
    await expect(
      withTenant(pool, acme, async (client) => {
        void client.query(INSERT, ["unawaited"]);
      }),
    ).rejects.toThrow("await each of them");
    expect(await namesOf(pool, acme)).not.toContain("unawaited");
  });
});

describe("a transaction that was spoiled is refused, and nothing after that is kept", () => {
  test.for<[string, RegExp, string[]]>([
    ["a failure that was swallowed", /had failed/, ["select 1 / 0"]],
    ["a commit in the middle", /must not end/, ["commit"]],
    ["a commit and a new beginning", /had failed|must not end/, ["commit", "begin"]],
    ["a rollback", /must not end/, ["rollback"]],
    ["becoming the login", /had failed|nor change role/, ["set local role none"]],
  ])("%s", async ([name, reason, statements], { pool, acme, cast }) => {
    const spoiled = withTenant(pool, acme, async (client) => {
      await client.query(INSERT, [`before ${name}`]);
      for (const text of statements) await client.query(text).catch(() => undefined);
      await client.query(INSERT, [`after ${name}`]).catch(() => undefined);
    });
    await expect(spoiled).rejects.toThrow(reason);
    expect(await namesOf(pool, acme)).not.toContain(`after ${name}`);
    await expectClean(pool, 1);

    // Entering as the neighbour is the one thing that the login could do.
    const crossed = withTenant(pool, acme, async (client) => {
      await client.query("set local role none");
      await client.query("select app_private.enter($1, $2)", [cast.mallory, cast.globex]);
      await client.query("set local role app_user");
      await client.query(INSERT, ["Trojan"]);
    });
    await expect(crossed).rejects.toThrow("nor change role or tenant");
    expect(await namesOf(pool, neighbour(cast))).toEqual([]);
  });

  test.for([
    ["writable_tenant_id", "current_tenant_id"],
    ["writable_tenant_id"],
    ["current_tenant_id"],
  ])("setting the neighbour: %s", async (settings, { pool, acme, cast }) => {
    const crossed = withTenant(pool, acme, async (client) => {
      await client.query(INSERT, [`before ${settings.join()}`]);
      for (const setting of settings) {
        await client.query(`set local app.${setting} = '${cast.globex}'`);
      }
      await client.query(INSERT, ["Trojan"]).catch(() => undefined);
    });
    await expect(crossed).rejects.toThrow(/had failed|nor change role/);
    expect(await namesOf(pool, acme)).not.toContain(`before ${settings.join()}`);
    expect(await namesOf(pool, neighbour(cast))).toEqual([]);
  });
});

test.for(["set app.permissions = 'x'", "set role app_user", "listen mine"])(
  "what is done for the session closes the connection: %s",
  async (text, { pool, acme }) => {
    const before = await pidOf(pool);
    expect(await namesOf(pool, acme)).toEqual(expect.any(Array));
    expect(await pidOf(pool)).toBe(before);
    await withTenant(pool, acme, (client) => client.query(text));
    expect(await pidOf(pool)).not.toBe(before);
  },
);

describe("the server's end", () => {
  test("in the middle rejects the work, and the next gets another connection", async ({
    pool,
    acme,
    database,
  }) => {
    const before = await pidOf(pool);
    await expect(
      withTenant(pool, acme, async (client) => {
        await client.query(INSERT, ["killed"]);
        await withClient(database.urls.superuser, (admin) =>
          admin.query("select pg_terminate_backend($1, 5000)", [before]),
        );
        await client.query(NAMES);
      }),
    ).rejects.toThrow(/terminat|connection/i);
    expect(await pidOf(pool)).not.toBe(before);
    expect(await namesOf(pool, acme)).not.toContain("killed");
    await expectClean(pool, 1);
  });

  test("without a word, as when its machine dies, does the same", async ({ acme, database }) => {
    await using wire = await cuttableWire(database.urls.server);
    const pool = poolOf({ urls: { ...database.urls, server: wire.url } });
    try {
      await expect(
        withTenant(pool, acme, async (client) => {
          const asleep = client.query("select pg_sleep(60)");
          wire.cut();
          await asleep;
        }),
      ).rejects.toThrow(/ECONNRESET|terminated unexpectedly/);
      await expectClean(pool, 1);
      expect(await namesOf(pool, acme)).toEqual(expect.any(Array));
    } finally {
      await pool.end();
    }
  });
});

describe("a transaction that takes too long", () => {
  test.for([true, false])(
    "is ended and its connection closed; pipelined: %s",
    async (pipeline, { acme, database }) => {
      const pool = poolOf(database, { pipeline });
      try {
        const before = await pidOf(pool);
        const { promise: hung, resolve: wakeUp } = Promise.withResolvers<void>();
        const { promise: late, reject: refuseLate } = Promise.withResolvers<never>();
        const slow = withTenant(pool, { ...acme, timeoutMs: 100 }, async (client) => {
          await client.query(INSERT, ["slow"]);
          await hung;
          await client.query(NAMES).catch(refuseLate);
        });
        await expect(slow).rejects.toThrow("took longer than 100 ms");
        expect(await pidOf(pool)).not.toBe(before);
        wakeUp();
        await expect(late).rejects.toThrow("is over");
        expect(await namesOf(pool, acme)).not.toContain("slow");
        await expectClean(pool, 1);
      } finally {
        await pool.end();
      }
    },
  );

  test("is stopped in the server as well", async ({ acme, pool }) => {
    const asleep = withTenant(pool, { ...acme, timeoutMs: 100 }, (client) =>
      client.query("select pg_sleep(60)"),
    );
    await expect(asleep).rejects.toThrow(/took longer|statement timeout/);
    await expect
      .poll(async () => {
        const text =
          "select from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()";
        return (await pool.query(text)).rows.length;
      })
      .toBe(0);
  });
});
