import type pg from "pg";

import {
  asAnonymous,
  asApiKey,
  asIdentity,
  asUser,
  asWorker,
  createCast,
  describe,
  expect,
  test,
} from "../../support/index.ts";
import { createApiKey, revokeApiKey, rotateApiKey } from "../../support/api_keys.ts";
import { codeOf, rowOf, rowsOf, undone } from "../../support/query.ts";

/** Everybody, and what alice, acme's owner, acts as. */
async function house(db: pg.Client) {
  const cast = await createCast(db);
  return { ...cast, owner: { userId: cast.alice, tenantId: cast.acme } };
}

/** What happens to somebody who comes with this secret. */
function use(db: pg.Client, secret: string): Promise<unknown> {
  return codeOf(asApiKey(db, secret, async () => {}));
}

describe("a secret", () => {
  test("begins with its mode, and only its hash is kept", async ({ db }) => {
    const { owner, acme, alice } = await house(db);
    const { id, secret } = await createApiKey(db, owner, { name: "  CI \n", scopes: ["write"] });
    expect(secret).toMatch(/^rh_test_[0-9a-f]{48}$/);
    expect(await rowOf(db, "select * from app_public.api_keys")).toMatchObject({
      tenant_id: acme,
      id,
      name: "CI",
      scopes: ["write"],
      hint: `rh_test_…${secret.slice(-4)}`,
      created_by: alice,
      expires_at: null,
      revoked_at: null,
    });
    expect(
      await rowsOf(db, "select key_hash = sha256($1) as is_it from app_private.api_key_secrets", [
        Buffer.from(secret),
      ]),
    ).toEqual([{ is_it: true }]);
    const everything = await rowsOf(
      db,
      `select to_jsonb(a)::text as row from app_public.audit_entries as a
      union all select to_jsonb(k)::text from app_public.api_keys as k
      union all select to_jsonb(s)::text from app_private.api_key_secrets as s`,
    );
    expect(JSON.stringify(everything)).not.toContain(secret.slice("rh_test_".length, -4));
  });

  test("is a live one when Stripe's mode is", async ({ db }) => {
    const { alice, acme } = await house(db);
    await db.query("select app_private.enter($1, $2, $3)", [alice, acme, '{"livemode": true}']);
    const { secret } = await rowOf<{ secret: string }>(
      db,
      "select secret from app_public.create_api_key('Live', '{read}')",
    );
    expect(secret).toMatch(/^rh_live_[0-9a-f]{48}$/);
  });

  test("is another each time", async ({ db }) => {
    const { secrets } = await rowOf<{ secrets: number }>(
      db,
      `select count(distinct app_private.new_api_key_secret())::integer as secrets
      from generate_series(1, 1000)`,
    );
    expect(secrets).toBe(1000);
  });
});

describe("what is wrong with a key's making is said", () => {
  test.for([
    ["a blank name", "' '", "'{read}'", "null"],
    ["no name", "null", "'{read}'", "null"],
    ["a long name", "repeat('x', 101)", "'{read}'", "null"],
    ["a name of two lines", "E'a\\nb'", "'{read}'", "null"],
    ["no scopes", "'CI'", "null", "null"],
    ["an empty list of scopes", "'CI'", "'{}'", "null"],
    ["a scope that is null", "'CI'", "'{read,null}'", "null"],
    ["a scope that is none", "'CI'", "'{read,admin}'", "null"],
    ["an expiry in the past", "'CI'", "'{read}'", "now()"],
    ["an expiry at the end of time", "'CI'", "'{read}'", "'infinity'"],
  ])("%s", async ([, name, scopes, expiresAt], { db }) => {
    const { owner } = await house(db);
    const make = asUser(db, owner, () =>
      db.query(`select app_public.create_api_key(${name}, ${scopes}, ${expiresAt})`),
    );
    expect(await codeOf(make)).toBe("INPUT");
  });

  test("a 101st standing key", async ({ db }) => {
    const { owner } = await house(db);
    await db.query(
      `insert into app_public.api_keys (tenant_id, name, scopes, hint, created_by, expires_at, revoked_at)
      select $1, 'k', '{read}', '', $2,
        case when n > 150 then now() - interval '1 day' end, case when n between 101 and 150 then now() end
      from generate_series(1, 200) as n`,
      [owner.tenantId, owner.userId],
    );
    expect(await codeOf(createApiKey(db, owner))).toBe("CNFLT");
    const { id } = await rowOf<{ id: string }>(
      db,
      "select id from app_public.api_keys where revoked_at is null and expires_at is null limit 1",
    );
    await revokeApiKey(db, owner, id);
    expect(await codeOf(createApiKey(db, owner))).toBe("done");
  });
});

describe("who may manage keys", () => {
  test("owners and admins may; members and strangers neither see nor change any", async ({
    db,
  }) => {
    const { owner, bob, mallory, acme, globex } = await house(db);
    const { id } = await createApiKey(db, owner);
    const LIST = `select id, app_public.api_keys_last_used_at(api_keys) as used
      from app_public.api_keys`;
    const member = { userId: bob, tenantId: acme };
    const stranger = { userId: mallory, tenantId: globex };
    for (const [who, code] of [
      [member, "DNIED"],
      [stranger, "INPUT"],
    ] as const) {
      expect(await asUser(db, who, () => rowsOf(db, LIST))).toEqual([]);
      expect(await codeOf(revokeApiKey(db, who, id))).toBe(code);
      expect(await codeOf(rotateApiKey(db, who, { id }))).toBe(code);
    }
    expect(await codeOf(createApiKey(db, member))).toBe("DNIED");
    await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [bob]);
    expect(await asUser(db, member, () => rowsOf(db, LIST))).toEqual([{ id, used: null }]);
    expect(await codeOf(createApiKey(db, member))).toBe("done");
    expect(await codeOf(rotateApiKey(db, member, { id }))).toBe("done");
    expect(await codeOf(revokeApiKey(db, member, id))).toBe("done");
  });

  test("nobody gives or renews a scope that they don't have, but may take it away", async ({
    db,
  }) => {
    const { owner, bob, acme } = await house(db);
    const admin = { userId: bob, tenantId: acme };
    await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [bob]);
    expect(await codeOf(createApiKey(db, admin, { scopes: ["read", "billing"] }))).toBe("DNIED");
    const { id } = await createApiKey(db, owner, { scopes: ["billing"] });
    expect(await codeOf(rotateApiKey(db, admin, { id }))).toBe("DNIED");
    expect(await codeOf(revokeApiKey(db, admin, id))).toBe("done");
  });

  test("nobody else reaches a hash, a key or its uses", async ({ db }) => {
    const { owner, bob, acme } = await house(db);
    await createApiKey(db, owner);
    const SECRETS = "select * from app_private.api_key_secrets";
    for (const sql of [
      SECRETS,
      "update app_public.api_keys set revoked_at = null",
      "update app_private.api_key_uses set last_used_at = null",
      "insert into app_private.api_key_secrets (tenant_id) values (null)",
      "insert into app_public.api_keys (name) values ('x')",
      "delete from app_public.api_keys",
      "select app_private.use_api_key('\\x00')",
      "select app_private.new_api_key_secret()",
      "select app_private.keep_api_key_secret(null, null, 'x')",
    ]) {
      for (const [who, act] of [
        ["owner", () => asUser(db, owner, () => db.query(sql))],
        ["task", () => asWorker(db, () => db.query(sql))],
        ["identity provider", () => asIdentity(db, () => db.query(sql))],
        ["visitor", () => asAnonymous(db, () => db.query(sql))],
      ] as const) {
        expect(await codeOf(act()), `${who}: ${sql}`).toBe("42501");
      }
    }
    const USES = "select * from app_private.api_key_uses";
    expect(await asUser(db, owner, () => rowsOf(db, USES))).toHaveLength(1);
    expect(await asUser(db, { userId: bob, tenantId: acme }, () => rowsOf(db, USES))).toEqual([]);
  });
});

describe("a key", () => {
  test("is used until it is revoked, and never again", async ({ db }) => {
    const { owner } = await house(db);
    const { id, secret } = await createApiKey(db, owner);
    expect(await use(db, secret)).toBe("done");
    await revokeApiKey(db, owner, id);
    expect(await use(db, secret)).toBe("LOGIN");
    expect(await codeOf(rotateApiKey(db, owner, { id }))).toBe("INPUT");
    expect(await codeOf(revokeApiKey(db, owner, id))).toBe("INPUT");
  });

  test("is not valid when it is unknown, expired, or but one letter off", async ({ db }) => {
    const { owner } = await house(db);
    const { id, secret } = await createApiKey(db, owner, { expiresAt: "2099-01-01" });
    const off = secret.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    expect(await use(db, off)).toBe("LOGIN");
    expect(await use(db, secret.toUpperCase())).toBe("LOGIN");
    expect(await use(db, secret)).toBe("done");
    await db.query("update app_public.api_keys set expires_at = now()");
    expect(await use(db, secret)).toBe("LOGIN");
    expect(await codeOf(rotateApiKey(db, owner, { id }))).toBe("INPUT");
  });

  test("goes on with both secrets for the overlap, and no longer", async ({ db }) => {
    const { owner } = await house(db);
    const { id, secret: first } = await createApiKey(db, owner);
    const second = await rotateApiKey(db, owner, { id, overlapSeconds: 60 });
    expect([await use(db, first), await use(db, second)]).toEqual(["done", "done"]);
    // A longer overlap does not prolong what a shorter one gave.
    const third = await rotateApiKey(db, owner, { id, overlapSeconds: 604_800 });
    expect(
      await rowsOf(
        db,
        `select extract(epoch from expires_at - now())::integer as seconds
        from app_private.api_key_secrets order by expires_at`,
      ),
    ).toEqual([{ seconds: 60 }, { seconds: 604_800 }, { seconds: null }]);
    await db.query(
      "update app_private.api_key_secrets set expires_at = now() where expires_at is not null",
    );
    expect([await use(db, first), await use(db, second), await use(db, third)]).toEqual([
      "LOGIN",
      "LOGIN",
      "done",
    ]);
    const fourth = await rotateApiKey(db, owner, { id });
    expect([await use(db, third), await use(db, fourth)]).toEqual(["LOGIN", "done"]);
  });

  test("has at most ten secrets at once, and an overlap of at most a week", async ({ db }) => {
    const { owner } = await house(db);
    const { id } = await createApiKey(db, owner);
    for (const overlapSeconds of [-1, 604_801]) {
      expect(await codeOf(rotateApiKey(db, owner, { id, overlapSeconds }))).toBe("INPUT");
    }
    for (let n = 2; n <= 10; n += 1) await rotateApiKey(db, owner, { id, overlapSeconds: 60 });
    expect(await codeOf(rotateApiKey(db, owner, { id, overlapSeconds: 60 }))).toBe("CNFLT");
    expect(await codeOf(rotateApiKey(db, owner, { id }))).toBe("done");
    expect(await rowsOf(db, "select from app_private.api_key_secrets")).toHaveLength(1);
  });

  test("outlives whoever made it", async ({ db }) => {
    const { bob, acme } = await house(db);
    await db.query("update app_public.memberships set role = 'admin' where user_id = $1", [bob]);
    const { secret } = await createApiKey(db, { userId: bob, tenantId: acme });
    await db.query("delete from app_public.memberships where user_id = $1", [bob]);
    expect(await use(db, secret)).toBe("done");
  });

  test("notes that it was used at most once a minute", async ({ db }) => {
    const { owner } = await house(db);
    const { secret } = await createApiKey(db, owner);
    const last = () =>
      rowOf(
        db,
        "select last_used_at, last_used_at = now() as is_now, xmin::text from app_private.api_key_uses",
      );
    await use(db, secret);
    expect(await last()).toMatchObject({ is_now: true });
    await db.query("update app_private.api_key_uses set last_used_at = now() - interval '59 s'");
    const before = await last();
    await use(db, secret);
    expect(await last()).toEqual(before);
    await db.query("update app_private.api_key_uses set last_used_at = now() - interval '61 s'");
    await use(db, secret);
    expect(await last()).toMatchObject({ is_now: true });
  });

  test("brings its own tenant and no person, whatever else the server says", async ({ db }) => {
    const { owner, mallory, globex, acme } = await house(db);
    const { id, secret } = await createApiKey(db, owner);
    await undone(db, async () => {
      await db.query("select app_private.enter($1, $2, null, sha256($3))", [
        mallory,
        globex,
        Buffer.from(secret),
      ]);
      expect(
        await rowOf(
          db,
          `select current_setting('app.current_user_id') as person,
          current_setting('app.member_tenant_id') as tenant,
          current_setting('app.current_tenant_id') as readable,
          current_setting('app.writable_tenant_id') as writable,
          current_setting('app.api_key_id') as key, current_setting('app.permissions') as permissions`,
        ),
      ).toEqual({
        person: "",
        tenant: acme,
        readable: acme,
        writable: acme,
        key: id,
        permissions: "members.read",
      });
    });
  });
});
