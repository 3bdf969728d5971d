import { makePgService } from "postgraphile/adaptors/pg";

import { makeRowhousePgService } from "../../server/pg_service.ts";
import {
  clientsOf,
  oneConnection,
  request,
  settingsOf,
  STATE,
  stateOf,
  test,
} from "../support/entering_clients.ts";
import { countFlights } from "../support/flights.ts";
import { describe, expect, withClient } from "../support/index.ts";

const COUNT = "select count(*)::integer as count from app_public.projects";

describe("a request's transaction", () => {
  test("takes one round trip, where the stock adaptor takes four", async ({ database, cast }) => {
    const url = new URL(database.urls.server);
    await using counter = await countFlights({
      host: url.hostname,
      port: Number(url.port === "" ? 5432 : url.port),
    });
    url.hostname = "127.0.0.1";
    url.port = String(counter.port);
    const pool = oneConnection(url.href);
    try {
      const settings = settingsOf(cast.alice, cast.acme);
      const ours = clientsOf(makeRowhousePgService(pool), pool);
      const once = () => ours(settings, (client) => client.query({ text: COUNT }));
      await once();
      expect(await counter.during(once)).toBe(1);
      const named = () => ours(settings, (client) => client.query({ name: "count", text: COUNT }));
      await named();
      expect(await counter.during(named)).toBe(1);
      const twice = () =>
        ours(settings, (client) =>
          client.withTransaction(async (inner) => {
            await inner.query({ text: COUNT });
            await inner.query({ text: COUNT });
          }),
        );
      expect(await counter.during(twice)).toBe(3);

      // Ours once more, by the stock adaptor: the counter can count.
      const stock = clientsOf(
        makePgService({ pool, schemas: ["app_public"], pubsub: false }),
        pool,
      );
      const stockOnce = () =>
        stock({ role: "app_anonymous" }, (client) =>
          client.query({ text: "select count(*) from app_public.plans" }),
        );
      await stockOnce();
      expect(await counter.during(stockOnce)).toBe(4);
    } finally {
      await pool.end();
    }
  });

  test("runs as the person, in the tenant", async ({ pool, cast }) => {
    const found = await request(
      pool,
      cast.alice,
      cast.acme,
    )((client) => client.query({ text: STATE }));
    expect(found.rows).toEqual([
      {
        pid: expect.any(Number),
        user: "app_user",
        user_id: cast.alice,
        tenant_id: cast.acme,
        writable_tenant_id: cast.acme,
        permissions: expect.stringContaining("billing.manage"),
      },
    ]);
  });

  test("keeps what it wrote when it ends well, and nothing when it throws", async ({
    pool,
    cast,
    database,
  }) => {
    const insert = { text: "insert into app_public.projects (name) values ($1)" };
    const inAcme = request(pool, cast.alice, cast.acme);
    await inAcme((client) => client.query({ ...insert, values: ["kept"] }));
    await expect(
      inAcme((client) =>
        client.withTransaction(async (inner) => {
          await inner.query({ ...insert, values: ["lost"] });
          throw new Error("after the write");
        }),
      ),
    ).rejects.toThrow("after the write");
    await inAcme((client) =>
      client.withTransaction(async (outer) => {
        await outer.query({ ...insert, values: ["outer"] });
        await outer
          .withTransaction((inner) => inner.query({ ...insert, values: ["kept"] }))
          .catch(() => undefined);
        await outer.withTransaction((inner) => inner.query({ ...insert, values: ["inner"] }));
      }),
    );
    await withClient(database.urls.superuser, async (client) => {
      const { rows } = await client.query("select name from app_public.projects order by name");
      expect(rows).toEqual([{ name: "inner" }, { name: "kept" }, { name: "outer" }]);
    });
  });

  test("tells why it could not be entered, not what failed because of that", async ({
    pool,
    cast,
  }) => {
    const stranger = request(pool, cast.mallory, cast.acme);
    let hasAnswer = false;
    await expect(
      stranger(async (client) => {
        await client.query({ text: COUNT });
        hasAnswer = true;
      }),
    ).rejects.toMatchObject({ code: "TNFND" });
    expect(hasAnswer).toBe(false);
    await expect(
      stranger((client) => client.withTransaction((inner) => inner.query({ text: COUNT }))),
    ).rejects.toMatchObject({ code: "TNFND" });
    // Nor does a transaction that never looks at the database come through.
    await expect(
      stranger((client) => client.withTransaction(async () => "done")),
    ).rejects.toMatchObject({ code: "TNFND" });
  });

  test("hands its first client nothing while the second is in a transaction", async ({
    pool,
    cast,
  }) => {
    await expect(
      request(
        pool,
        cast.alice,
        cast.acme,
      )((client) => client.withTransaction(() => client.query({ text: COUNT }))),
    ).rejects.toThrow("Ask the client that withTransaction handed out");
  });

  test("by a visitor is asked to sign in for what is not theirs", async ({ pool }) => {
    const visitor = clientsOf(makeRowhousePgService(pool), pool);
    await expect(
      visitor({ role: "app_anonymous" }, (client) => client.query({ text: COUNT })),
    ).rejects.toMatchObject({ code: "LOGIN" });
  });

  test.for([
    "update app_public.projects set name = 'x' where false",
    "delete from app_public.projects where false",
  ])("that changes no row is refused: %s", async (text, { pool, cast }) => {
    await expect(
      request(pool, cast.alice, cast.acme)((client) => client.query({ text })),
    ).rejects.toMatchObject({ code: "INPUT" });
  });
});

describe("a connection goes back with no role, no tenant and no person", () => {
  const CLEAN = {
    user: "rowhouse_server",
    user_id: "",
    tenant_id: "",
    writable_tenant_id: "",
    permissions: "",
  };

  test.for<[string, Parameters<ReturnType<typeof request>>[0]]>([
    ["after a success", (client) => client.query({ text: COUNT })],
    ["after an error in SQL", (client) => client.query({ text: "select 1/0" })],
    ["after a statement that can't be parsed", (client) => client.query({ text: "selec" })],
    ["after an error of ours", () => Promise.reject(new Error("ours"))],
    [
      "after an error in a transaction",
      (client) => client.withTransaction((inner) => inner.query({ text: "select 1/0" })),
    ],
    [
      "after values that can't be sent",
      (client) => client.query({ text: "select $1", values: [LOOP] }),
    ],
    ["after a begin from inside", (client) => client.query({ text: "begin" })],
    ["after a commit from inside", (client) => client.query({ text: "commit" })],
    ["after a rollback from inside", (client) => client.query({ text: "rollback" })],
  ])("%s", async ([, work], { pool, cast }) => {
    const before = await stateOf(pool);
    await request(pool, cast.alice, cast.acme)(work).catch(() => undefined);
    const after = await stateOf(pool);
    expect(after).toEqual({ ...CLEAN, pid: before.pid });
    const { rows } = await pool.query("select now() = statement_timestamp() as is_alone");
    expect(rows).toEqual([{ is_alone: true }]);
  });

  test("after it was refused at the door", async ({ pool, cast }) => {
    const before = await stateOf(pool);
    await expect(
      request(pool, cast.mallory, cast.acme)((client) => client.query({ text: COUNT })),
    ).rejects.toMatchObject({ code: "TNFND" });
    expect(await stateOf(pool)).toEqual({ ...CLEAN, pid: before.pid });
  });

  test("after its backend was killed: another takes its place", async ({
    pool,
    cast,
    database,
  }) => {
    const { pid } = await stateOf(pool);
    await expect(
      request(
        pool,
        cast.alice,
        cast.acme,
      )(async (client) => {
        await client.query({ text: COUNT });
        await withClient(database.urls.superuser, (admin) =>
          admin.query("select pg_terminate_backend($1, 5000)", [pid]),
        );
        return client.query({ text: COUNT });
      }),
    ).rejects.toThrow(/terminat|connection/i);
    const after = await stateOf(pool);
    expect(after.pid).not.toBe(pid);
    expect(after).toEqual({ ...CLEAN, pid: expect.any(Number) });
  });

  test("after a change of role for the session, which it may not make", async ({ pool, cast }) => {
    const inAcme = request(pool, cast.alice, cast.acme);
    await expect(
      inAcme((client) =>
        client.query({ text: "select set_config('app.current_tenant_id', 'x', false)" }),
      ),
    ).rejects.toMatchObject({ code: "42501" });
    expect(await stateOf(pool)).toMatchObject({ user: "rowhouse_server" });
  });
});

describe("without a role", () => {
  test("no statement reaches the database", async ({ pool, cast }) => {
    const lend = clientsOf(makeRowhousePgService(pool), pool);
    let isReached = false;
    const work = async () => {
      isReached = true;
    };
    const settings = { "app.current_user_id": cast.alice, "app.current_tenant_id": cast.acme };
    for (const none of [{}, settings]) {
      await expect(lend(none, work)).rejects.toThrow("A request without a role");
    }
    expect(isReached).toBe(false);
  });

  test("introspection runs as the login role, which has no right to any row", async ({ pool }) => {
    const lend = clientsOf(makeRowhousePgService(pool), pool);
    for (const table of ["projects", "tenants", "plans", "users"]) {
      await expect(
        lend(null, (client) => client.query({ text: `select from app_public.${table}` })),
      ).rejects.toMatchObject({ code: "42501" });
    }
  });
});

/** node-postgres makes JSON of objects, and can't of this one. */
const LOOP: Record<string, unknown> = {};
LOOP["self"] = LOOP;
