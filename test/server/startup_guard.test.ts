import { randomBytes } from "node:crypto";

import { pino } from "pino";

import { startWorker } from "../../tasks/worker.ts";
import { startServer } from "../../server/server.ts";
import { requireCleanAudit } from "../../server/startup_guard.ts";
import { describe, expect, test, withClient, withDatabase } from "../support/index.ts";
import type { TestDatabase } from "../support/index.ts";

const logger = pino({ level: "silent" });

/** The two processes, started on a login; neither gets far enough to need its port or Stripe. */
const PROCESSES = {
  server: (databaseUrl: string) =>
    startServer(
      {
        databaseUrl,
        host: "127.0.0.1",
        port: 1,
        publicUrl: "http://127.0.0.1:1",
        appUrl: "http://127.0.0.1:1",
        outboxDirectory: undefined,
        corsOrigins: [],
        trustedProxies: [],
        maxWebsockets: 1,
        authSecret: randomBytes(32).toString("base64url"),
        externalProviders: [],
        stripeWebhookSecrets: ["whsec_x"],
        stripeLivemode: false,
        billingWaitSeconds: 10,
        isProduction: false,
        logLevel: "silent",
      },
      logger,
    ),
  worker: (databaseUrl: string) =>
    startWorker(
      {
        databaseUrl,
        stripe: {
          secretKey: "sk_test_x",
          livemode: false,
          apiBase: undefined,
          configuredPrices: {},
        },
        webhookUrl: "http://127.0.0.1:4000/webhooks/stripe",
        gracePeriodDays: 14,
        isProduction: false,
        mail: {
          from: { name: "", address: "rowhouse@example.com" },
          destination: { outboxDirectory: "never-made" },
        },
        appUrl: "http://127.0.0.1:1",
        logLevel: "silent",
      },
      logger,
    ),
};

describe.for(["server", "worker"] as const)("the %s refuses to start", (name) => {
  const refusal = async (databaseUrl: string): Promise<string> => {
    const { message } = await PROCESSES[name](databaseUrl).then(
      async (running) => {
        await running.close();
        return new Error("it started");
      },
      (error: unknown) => error as Error,
    );
    expect(message).not.toContain("\n");
    return message;
  };
  const own = (database: TestDatabase) => database.urls[name];

  test("as a superuser", async ({ database }) => {
    expect(await refusal(database.urls.superuser)).toMatch(/is a superuser: .*Use rowhouse_server/);
  });

  test("as the deploy job, which row-level security does not bind", async ({ database }) => {
    // The worker is turned away at the door already: this login may not become app_worker.
    expect(await refusal(database.urls.migrator)).toMatch(
      name === "server"
        ? /"rowhouse_migrator" .*(BYPASSRLS|an owner of tables): .*Use rowhouse_server/
        : /permission denied to set role "app_worker"/,
    );
  });

  test("as a role that can become an owner", async ({ database }) => {
    await withClient(database.urls.superuser, async (admin) => {
      const login = `test_login_${randomBytes(4).toString("hex")}`;
      await admin.query(`create role ${login} login noinherit password 'x' in role rowhouse_owner`);
      await admin.query(`grant rowhouse_server, app_worker to ${login}`);
      await admin.query(`grant connect on database ${database.name} to ${login}`);
      const url = new URL(own(database));
      url.username = login;
      url.password = "x";
      try {
        expect(await refusal(url.href)).toMatch(
          /can become rowhouse_owner, which is an owner of tables: /,
        );
      } finally {
        await admin.query(`drop owned by ${login}; drop role ${login}`);
      }
    });
  });

  test("on a login whose sessions begin with a tenant, or as somebody", async ({ database }) => {
    await withClient(database.urls.superuser, async (admin) => {
      const login = `test_login_${randomBytes(4).toString("hex")}`;
      await admin.query(`create role ${login} login noinherit password 'x'`);
      await admin.query(`grant app_user, app_worker, app_identity to ${login}`);
      await admin.query(`grant connect on database ${database.name} to ${login}`);
      const url = new URL(own(database));
      url.username = login;
      url.password = "x";
      try {
        await admin.query(`alter role ${login} set app.current_tenant_id = 'x'`);
        expect(await refusal(url.href)).toMatch(/already has settings .*: app.current_tenant_id\./);
        await admin.query(
          `alter role ${login} reset all; alter role ${login} set role = 'app_user'`,
        );
        expect(await refusal(url.href)).toMatch(/already has settings .*: role\./);
      } finally {
        await admin.query(`drop owned by ${login}; drop role ${login}`);
      }
    });
  });

  test("while the isolation audit has errors", async () => {
    await withDatabase("migrated", async (database) => {
      await withClient(database.urls.superuser, (admin) =>
        admin.query("alter table app_public.projects disable row level security"),
      );
      expect(await refusal(own(database))).toMatch(/audit .*projects.*Run: npm run audit/);
    });
  });

  test("on a database without our schema, and says what is missing", async () => {
    await withDatabase("empty", async (database) => {
      expect(await refusal(own(database))).toMatch(/npm run migrate/);
    });
  });

  test("without a database, and says where it looked, but not with which password", async ({
    database,
  }) => {
    const url = new URL(own(database));
    const { password } = url;
    url.port = "1";
    const message = await refusal(url.href);
    expect(message).toContain("127.0.0.1");
    expect(message).not.toContain(password);
  });
});

test("newer code's reviews are trusted while its deployment goes on, but no table without a wall", async () => {
  await withDatabase("migrated", async (database) => {
    const { superuser, server } = database.urls;
    const check = () => withClient(server, requireCleanAudit);
    await withClient(superuser, async (admin) => {
      await admin.query(`
        create function app_private.newer() returns int language sql security definer
          set search_path = pg_catalog, pg_temp return 1;
        alter function app_private.newer() owner to app_definer;
        revoke all on function app_private.newer() from public;
        create or replace function app_private.has_permission(permission text) returns boolean
          language sql stable parallel safe return coalesce(permission = 'newer', false)`);
      await expect(check()).rejects.toThrow(/2 error.*app_private\.newer\(\).*nobody reviewed/);

      await admin.query(
        "insert into graphile_migrate.migrations (hash, filename) values ('newer', '999999.sql')",
      );
      await expect(check()).resolves.toBeUndefined();
      await admin.query("alter table app_public.projects disable row level security");
      await expect(check()).rejects.toThrow(/1 error.*app_public\.projects/);
    });
  });
});
