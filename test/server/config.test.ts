import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { repositoryFile } from "../support/contract.ts";
import { faultsOf, GOOD } from "../support/environment.ts";
import {
  ConfigError,
  parseAttackConfig,
  parseAuditConfig,
  parseMigrationConfig,
  parseServerConfig,
  parseStartConfig,
  parseWorkerConfig,
} from "../../server/config.ts";

const PARSERS = {
  parseServerConfig,
  parseWorkerConfig,
  parseMigrationConfig,
  parseAuditConfig,
  parseAttackConfig,
  parseStartConfig,
};

describe("the server's configuration", () => {
  test("has defaults for all that is not a secret or an address", () => {
    expect(parseServerConfig(GOOD)).toEqual({
      databaseUrl: GOOD.DATABASE_URL,
      host: "127.0.0.1",
      port: 4000,
      publicUrl: "http://127.0.0.1:4000",
      appUrl: "http://127.0.0.1:4000",
      outboxDirectory: ".rowhouse/outbox",
      corsOrigins: [],
      trustedProxies: [],
      maxWebsockets: 5_000,
      authSecret: GOOD.AUTH_SECRET,
      externalProviders: [],
      stripeWebhookSecrets: ["whsec_new", "whsec_old"],
      stripeLivemode: false,
      billingWaitSeconds: 10,
      isProduction: false,
      logLevel: "info",
    });
  });

  test("names every fault at once", () => {
    const faults = faultsOf(parseServerConfig, {
      PORT: "80.5",
      PUBLIC_URL: "rowhouse.example.com",
      AUTH_SECRET: "short",
      LOG_LEVEL: "loud",
    });
    const names = faults.map((line) => line.split(" ")[0] ?? "");
    expect(names.toSorted()).toEqual([
      "AUTH_SECRET",
      "DATABASE_URL",
      "LOG_LEVEL",
      "PORT",
      "PUBLIC_URL",
      "STRIPE_WEBHOOK_SECRET",
    ]);
  });

  test.for([
    ["sk_live_1", true],
    ["rk_live_1", true],
    ["sk_test_1", false],
  ] as const)("with %s takes events of live mode: %s", ([STRIPE_SECRET_KEY, stripeLivemode]) => {
    expect(parseServerConfig({ ...GOOD, STRIPE_SECRET_KEY })).toMatchObject({ stripeLivemode });
  });

  test.for(["0", "65536", "-1", "4000.5", "http", "1e9"])("has no port %s", (PORT) => {
    expect(faultsOf(parseServerConfig, { ...GOOD, PORT })).toEqual([
      expect.stringMatching(/^PORT must be /),
    ]);
  });

  test.for(["a b", "http://x", "x:80", "999.1.1.1", "x/y", "[::1]", "\u0000", "fe80::1%eth0"])(
    "listens at no host %o",
    (HOST) => {
      expect(faultsOf(parseServerConfig, { ...GOOD, HOST })).toEqual([
        "HOST must be a name or an IP address",
      ]);
    },
  );

  test.for([
    ["0.0.0.0", "http://127.0.0.1:4000"],
    ["::", "http://127.0.0.1:4000"],
    ["::1", "http://[::1]:4000"],
    ["rowhouse.internal", "http://rowhouse.internal:4000"],
  ] as const)("listening at %s is known as %s", ([HOST, publicUrl]) => {
    expect(parseServerConfig({ ...GOOD, HOST })).toMatchObject({ host: HOST, publicUrl });
  });

  test("trusts the proxies that are listed, and none by default", () => {
    const TRUSTED_PROXIES = "10.0.0.1, 10.1.0.0/16, ::1, fd00::/8, loopback";
    expect(parseServerConfig({ ...GOOD, TRUSTED_PROXIES }).trustedProxies).toEqual([
      "10.0.0.1",
      "10.1.0.0/16",
      "::1",
      "fd00::/8",
      "loopback",
    ]);
  });

  test.for([
    "true",
    "1",
    "*",
    "proxy.internal",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/33",
    "::/129",
    "x/8",
  ])("trusts no proxy %s", (TRUSTED_PROXIES) => {
    expect(faultsOf(parseServerConfig, { ...GOOD, TRUSTED_PROXIES })).toEqual([
      expect.stringMatching(/^TRUSTED_PROXIES must list /),
    ]);
  });

  test("takes an empty variable for one that is not set", () => {
    expect(parseServerConfig({ ...GOOD, PORT: "", LOG_LEVEL: " " })).toMatchObject({
      port: 4000,
      logLevel: "info",
    });
    expect(faultsOf(parseServerConfig, { ...GOOD, STRIPE_WEBHOOK_SECRET: "" })).toEqual([
      "STRIPE_WEBHOOK_SECRET is not set",
    ]);
  });

  test.for([",", " , ,"])("has no webhook secrets in %o", (STRIPE_WEBHOOK_SECRET) => {
    expect(() => parseServerConfig({ ...GOOD, STRIPE_WEBHOOK_SECRET })).toThrow(ConfigError);
  });
});

describe("the worker's configuration", () => {
  test("names every fault at once", () => {
    const faults = faultsOf(parseWorkerConfig, {
      DATABASE_URL: "mysql://x",
      STRIPE_API_BASE: "localhost:12111",
      GRACE_PERIOD_DAYS: "soon",
    });
    expect(faults.map((line) => line.split(" ")[0])).toEqual([
      "DATABASE_URL",
      "STRIPE_SECRET_KEY",
      "STRIPE_API_BASE",
      "GRACE_PERIOD_DAYS",
    ]);
  });

  test.for(["-1", "366", "NaN", "Infinity", "14d"])("has no grace period of %s days", (days) => {
    expect(faultsOf(parseWorkerConfig, { ...GOOD, GRACE_PERIOD_DAYS: days })).toHaveLength(1);
  });

  test("takes fractions of a day, and its own login before the server's", () => {
    expect(parseWorkerConfig({ ...GOOD, GRACE_PERIOD_DAYS: "0.0001" })).toMatchObject({
      databaseUrl: GOOD.WORKER_DATABASE_URL,
      gracePeriodDays: 0.0001,
      isProduction: false,
    });
  });
});

test("npm start needs nothing, or every login of a database of one's own", () => {
  expect(parseStartConfig({})).toMatchObject({ databaseUrl: undefined, home: ".rowhouse" });
  const { DATABASE_URL } = GOOD;
  expect(faultsOf(parseStartConfig, { DATABASE_URL })).toEqual([
    "WORKER_DATABASE_URL is not set",
    "MIGRATION_DATABASE_URL is not set",
  ]);
});

test("no value of a secret or an address is repeated in a message", () => {
  const secret = "hunter2";
  const environment = {
    DATABASE_URL: `mysql://root:${secret}@db/x`,
    WORKER_DATABASE_URL: `mysql://root:${secret}@db/x`,
    MIGRATION_DATABASE_URL: `${secret}@db`,
    AUTH_SECRET: secret,
    STRIPE_SECRET_KEY: secret,
    STRIPE_API_BASE: `ftp://x:${secret}@stripe`,
    PUBLIC_URL: `ftp://x:${secret}@host`,
    APP_URL: `ftp://x:${secret}@host`,
    SMTP_URL: `smtp://x:${secret}@host/path`,
  };
  for (const parse of Object.values(PARSERS)) {
    expect(faultsOf(parse, environment).join()).not.toContain(secret);
  }
});

describe.for(Object.entries(PARSERS))("%s", ([, parse]) => {
  test("takes any environment or throws a ConfigError, never anything else", async () => {
    const names = await variablesRead();
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(...Object.values(GOOD), "http://[", "postgres://", ",", "1e400", "__proto__"),
      fc.webUrl(),
      fc.double().map(String),
      fc.constant(undefined),
    );
    const environment = fc.dictionary(fc.constantFrom(...names), value);
    fc.assert(
      fc.property(environment, (env) => {
        // Throws, and so fails, when it is anything but a ConfigError.
        expect(faultsOf(parse, env).every((line) => line.length > 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

test(".env.example names each variable that is read, and no other", async () => {
  const named = (await repositoryFile(".env.example")).matchAll(/^#?\s?([A-Z][A-Z0-9_]+)=/gm);
  expect([...named].map(([, name]) => String(name)).toSorted()).toEqual(await variablesRead());
});

/** What the parsers ask an environment for, seen by asking; and what the db:* scripts read. */
async function variablesRead(): Promise<string[]> {
  const seen = new Set<string>();
  const watched = (given: NodeJS.ProcessEnv) =>
    new Proxy(given, {
      get(target, name) {
        if (typeof name === "string") seen.add(name);
        return Reflect.get(target, name) as unknown;
      },
    });
  for (const parse of Object.values(PARSERS)) {
    parse(watched(GOOD));
    faultsOf(parse, watched({}));
  }
  const scripts = await repositoryFile("dev/migrations_target.ts");
  for (const [, name] of scripts.matchAll(/read\.\w+\("([A-Z_]+)"/g)) if (name) seen.add(name);
  return [...seen].toSorted();
}
