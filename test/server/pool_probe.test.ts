/** Pools that stand between us and PostgreSQL, each with the fault of one of PgBouncer's modes. */
import { pino } from "pino";
import type pg from "pg";

import { makePool } from "../../server/database.ts";
import { describePoolError, faultOfPool, type ProbedPool } from "../../server/pool_probe.ts";
import { requireSafeVersion } from "../../server/startup_guard.ts";
import { describe, expect, test } from "../support/index.ts";

const silent = pino({ level: "silent" });

const bases = {
  connectionString: "",
  applicationName: "test-probe",
  logger: silent,
  max: 2,
};

/** Runs `use` with a pool of the server's login. */
async function withPool<T>(
  connectionString: string,
  use: (pool: pg.Pool) => Promise<T>,
  options: Partial<Parameters<typeof makePool>[0]> = {},
): Promise<T> {
  const pool = makePool({ ...bases, connectionString, ...options });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

type Statement = string | { name?: string; text: string };
type Session = { query(statement: Statement): Promise<unknown> };

/** What hands statements to sessions as `choose` says, whichever client sent them. */
function pooled(choose: (client: number, statement: Statement) => Session): ProbedPool["pool"] {
  let clients = 0;
  return {
    async connect() {
      const client = clients;
      clients += 1;
      return {
        query: (statement: Statement) => choose(client, statement).query(statement),
        release() {},
      } as unknown as Awaited<ReturnType<ProbedPool["pool"]["connect"]>>;
    },
  };
}

/** Two sessions of the server's login. */
async function withSessions<T>(
  connectionString: string,
  use: (sessions: readonly [pg.PoolClient, pg.PoolClient]) => Promise<T>,
): Promise<T> {
  return withPool(connectionString, async (pool) => {
    const sessions = [await pool.connect(), await pool.connect()] as const;
    try {
      return await use(sessions);
    } finally {
      for (const session of sessions) session.release(true);
    }
  });
}

test("a session that becomes app_user and may read whole tables is refused, a worker's is not", async ({
  database,
}) => {
  const { server, worker } = database.urls;
  const reading = (url: string, scan: string) =>
    withPool(`${url}?options=${encodeURIComponent(`-c ${scan}=on`)}`, (pool) =>
      faultOfPool({ pool }),
    );
  expect(await reading(server, "enable_seqscan")).toMatch(
    /may read whole tables \(enable_seqscan\)/,
  );
  expect(await reading(server, "enable_tidscan")).toMatch(
    /may read whole tables \(enable_tidscan\)/,
  );
  expect(await reading(worker, "enable_seqscan")).toBeUndefined();
});

test("a pool of ours has no fault, pipelined or with a role", async ({ database }) => {
  const { server, worker } = database.urls;
  const fault = await withPool(server, (pool) => faultOfPool({ pool }), { pipeline: true });
  expect(fault).toBeUndefined();
  const working = (pool: pg.Pool) => faultOfPool({ pool, role: "app_worker" });
  expect(await withPool(worker, working, { role: "app_worker" })).toBeUndefined();
});

test("a pool that drops startup options, and with them the role, is refused", async ({
  database,
}) => {
  const fault = await withPool(database.urls.worker, (pool) =>
    faultOfPool({ pool, role: "app_worker" }),
  );
  expect(fault).toMatch(
    /begins as "rowhouse_worker" where .* "app_worker".*Connect to PostgreSQL directly/,
  );
});

test("a pool that spreads a transaction over sessions is refused", async ({ database }) => {
  await withSessions(database.urls.server, async (sessions) => {
    let turn = 0;
    const pool = pooled(() => {
      turn += 1;
      return sessions[turn % 2 === 0 ? 0 : 1];
    });
    expect(await faultOfPool({ pool })).toMatch(
      /statements of one transaction to different sessions.*pool_mode = session/,
    );
  });
});

test("a pool whose sessions come with somebody's tenant is refused", async ({ database }) => {
  await withSessions(database.urls.server, async (sessions) => {
    await sessions[0].query("set app.member_tenant_id = 'left over'");
    expect(await faultOfPool({ pool: pooled(() => sessions[0]) })).toMatch(
      /already has settings that must come with a request: app.member_tenant_id\./,
    );
  });
});

test("a pool in which a transaction's setting outlives it is refused", async ({ database }) => {
  await withSessions(database.urls.server, async ([session]) => {
    const lasting = {
      query: (statement: Statement) =>
        session.query(
          typeof statement === "string" ? statement.replace(/\blocal /, "") : statement,
        ),
    };
    expect(await faultOfPool({ pool: pooled(() => lasting) })).toMatch(
      /setting of one transaction is still there after its end/,
    );
  });
});

test("a pool that gives each transaction another session, without its prepared statements, is refused", async ({
  database,
}) => {
  await withSessions(database.urls.server, async (sessions) => {
    // Who begins gets a session that is free, which need not be the one they had.
    const held = new Map<number, pg.PoolClient>();
    const prepared = new Set<pg.PoolClient>();
    const pool = pooled((client, statement) => {
      const taken = new Set(held.values());
      const session = held.get(client) ?? sessions.find((free) => !taken.has(free)) ?? sessions[0];
      if (statement === "begin") held.set(client, session);
      if (statement === "commit") held.delete(client);
      if (typeof statement === "string" || statement.name === undefined) return session;
      if (prepared.size === 0) prepared.add(session);
      if (prepared.has(session)) return session;
      return {
        query: () =>
          Promise.reject(new Error('prepared statement "rowhouse_probe" does not exist')),
      };
    });
    expect(await faultOfPool({ pool })).toMatch(
      /loses prepared statements \(.*does not exist\).*max_prepared_statements/,
    );
  });
});

test("what a pool says itself becomes cause and cure", () => {
  for (const message of [
    "unsupported startup parameter: options",
    "transaction blocks not allowed in statement pooling mode",
    'prepared statement "rowhouse_probe" already exists',
  ]) {
    expect(describePoolError(new Error(message))).toContain(`${message}. Connect to PostgreSQL`);
  }
  expect(describePoolError(new Error("relation does not exist"))).toBeUndefined();
});

describe("PostgreSQL's version", () => {
  async function outcome(version: number, isProduction: boolean): Promise<string> {
    const warnings: string[] = [];
    const pool = { query: async () => ({ rows: [{ version }] }) } as unknown as pg.Pool;
    const logger = { warn: (message: string) => warnings.push(message) } as never;
    try {
      await requireSafeVersion(pool, { isProduction, logger });
      return warnings.length === 0 ? "fine" : `warning: ${warnings.join()}`;
    } catch (error) {
      return `refused: ${String(error)}`;
    }
  }

  test("with known holes is refused in production, and warned of in development", async () => {
    for (const version of [180_004, 170_010, 160_014, 150_018]) {
      expect(await outcome(version, true)).toMatch(
        /^refused: .*known holes.*Update it to 1\d\.\d+/,
      );
      expect(await outcome(version, false)).toMatch(/^warning: .*known holes.*Update it to/);
    }
    for (const version of [180_006, 170_011, 160_015, 150_019, 190_000]) {
      expect(await outcome(version, true)).toBe("fine");
    }
  });

  test("before 15 is refused everywhere", async () => {
    expect(await outcome(140_024, true)).toMatch(/^refused: .*14\.24 is too old/);
    expect(await outcome(140_024, false)).toMatch(/^refused: .*14\.24 is too old/);
  });
});
