import { asAnonymous, asUser, asWorker, createCast, describe } from "../../support/index.ts";
import { expect, test } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const ACCOUNTS = "select tenant_id from app_public.billing_accounts";
const SECRETS = [
  "app_private.billing_intents",
  "app_private.stripe_events",
  "app_private.stripe_customers",
  "app_private.stripe_subscriptions",
];

describe("a billing account", () => {
  test.for([
    { role: "owner", sees: true },
    { role: "admin", sees: false },
    { role: "member", sees: false },
  ])("seen by its $role: $sees", async ({ role, sees }, { db }) => {
    const { bob, acme } = await createCast(db);
    await db.query("update app_public.memberships set role = $1 where user_id = $2", [role, bob]);
    const seen = await asUser(db, { userId: bob, tenantId: acme }, () => rowsOf(db, ACCOUNTS));
    expect(seen).toEqual(sees ? [{ tenant_id: acme }] : []);
  });

  test("is its owner's also while suspended, for paying; no stranger's, no visitor's", async ({
    db,
  }) => {
    const { alice, mallory, acme, globex } = await createCast(db);
    await db.query("update app_public.tenants set access = 'none'");
    const of = (userId: string, tenantId: string) =>
      asUser(db, { userId, tenantId }, () => rowsOf(db, ACCOUNTS));
    expect(await of(alice, acme)).toEqual([{ tenant_id: acme }]);
    expect(await of(mallory, globex)).toEqual([{ tenant_id: globex }]);
    expect(await codeOf(asAnonymous(db, () => db.query(ACCOUNTS)))).toBe("42501");
    expect(await codeOf(asUser(db, { userId: alice }, () => db.query(ACCOUNTS)))).toBe("TNREQ");
  });

  test.for([
    "update app_public.billing_accounts set stripe_customer_id = 'cus_other'",
    "insert into app_public.billing_accounts (tenant_id) values (gen_random_uuid())",
    "delete from app_public.billing_accounts",
  ])("is not its owner's to write: %s", async (sql, { db }) => {
    const { alice, acme } = await createCast(db);
    const write = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
    expect(await codeOf(write)).toBe("42501");
  });
});

test.for(SECRETS)("%s is shown to no person, owner or visitor", async (table, { db }) => {
  const { alice, acme } = await createCast(db);
  const sql = `select * from ${table}`;
  const owner = asUser(db, { userId: alice, tenantId: acme }, () => db.query(sql));
  expect(await codeOf(owner)).toBe("42501");
  expect(await codeOf(asAnonymous(db, () => db.query(sql)))).toBe("42501");
  expect(await codeOf(asWorker(db, () => db.query(sql)))).toBe("done");
});

describe("adopting a customer", () => {
  test("needs the tenant's own intent: metadata alone ties nobody to anything", async ({ db }) => {
    const { acme, globex } = await createCast(db);
    const intentOf = (tenantId: string) =>
      rowOf<{ id: string }>(db, "select id from app_private.billing_intents where tenant_id = $1", [
        tenantId,
      ]);
    const { id: ours } = await intentOf(acme);
    const { id: theirs } = await intentOf(globex);
    const adopt = async (customer: string, intent: string) => {
      const { adopted } = await asWorker(db, () =>
        rowOf<{ adopted: boolean }>(
          db,
          "select app_private.adopt_stripe_customer($1, $2, $3) as adopted",
          [customer, acme, intent],
        ),
      );
      return adopted;
    };
    expect(await adopt("cus_1", theirs)).toBe(false);
    expect(await adopt("cus_1", "00000000-0000-7000-8000-000000000000")).toBe(false);
    expect(await rowsOf(db, "select from app_private.stripe_customers")).toEqual([]);
    expect(await adopt("cus_1", ours)).toBe(true);
    expect(await adopt("cus_1", ours)).toBe(true);
    // Whoever comes second is not ours, and takes nothing over.
    expect(await adopt("cus_2", ours)).toBe(false);
    expect(await rowsOf(db, "select tenant_id, id from app_private.stripe_customers")).toEqual([
      { tenant_id: acme, id: "cus_1" },
    ]);
  });

  test("never takes a customer that is another tenant's", async ({ db }) => {
    const { acme, globex } = await createCast(db);
    await db.query("select app_private.record_intent_customer($1, 'cus_1')", [globex]);
    const { id } = await rowOf<{ id: string }>(
      db,
      "select id from app_private.billing_intents where tenant_id = $1",
      [acme],
    );
    const adopted = await asWorker(db, () =>
      rowOf<{ adopted: boolean }>(
        db,
        "select app_private.adopt_stripe_customer('cus_1', $1, $2) as adopted",
        [acme, id],
      ),
    );
    expect(adopted).toEqual({ adopted: false });
    expect(await rowsOf(db, "select tenant_id from app_private.stripe_customers")).toEqual([
      { tenant_id: globex },
    ]);
  });
});

test("the price that is found first for an intent stays its price", async ({ db }) => {
  const { acme } = await createCast(db);
  const freeze = (price: string) =>
    asWorker(db, () =>
      rowOf(
        db,
        `select app_private.freeze_intent_price(tenant_id, id, $2) as price
        from app_private.billing_intents where tenant_id = $1`,
        [acme, price],
      ),
    );
  expect(await freeze("price_1")).toEqual({ price: "price_1" });
  expect(await freeze("price_2")).toEqual({ price: "price_1" });
});

test("a tenant has at most one open wish to subscribe", async ({ db }) => {
  const { acme } = await createCast(db);
  const second = db.query(
    `insert into app_private.billing_intents (tenant_id, customer_email, customer_name, price_lookup_key)
    values ($1, 'a@b.c', 'A', 'pro_month')`,
    [acme],
  );
  await expect(second).rejects.toMatchObject({ constraint: "billing_intents_one_open" });
});
