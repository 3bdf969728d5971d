import { asUser, asWorker } from "../../support/acting.ts";
import { createCast } from "../../support/cast.ts";
import {
  ask,
  attempt,
  ownerOf,
  settleAll,
  subscribe,
  type Person,
} from "../../support/asking_for_billing.ts";
import { describe, expect, test } from "../../support/index.ts";
import { codeOf, rowOf, rowsOf } from "../../support/query.ts";

const CALLS = [
  "create_checkout_session('pro')",
  "create_billing_portal_session()",
  "preview_plan_change('pro')",
  "change_plan('pro')",
  "cancel_subscription()",
  "resume_subscription()",
];

describe("who may ask", () => {
  test("the owner, also while the tenant is suspended", async ({ db }) => {
    const cast = await createCast(db);
    await db.query("update app_public.tenants set status = 'suspended', access = 'none'");
    expect(await attempt(db, ownerOf(cast), CALLS[0] ?? "")).toBe("done");
    await subscribe(db, cast.acme, "active");
    for (const call of CALLS.slice(1)) {
      await settleAll(db, cast.acme);
      expect([call, await attempt(db, ownerOf(cast), call)]).toEqual([call, "done"]);
    }
  });

  test("nobody else: a member, a stranger, a closed tenant's owner", async ({ db }) => {
    const cast = await createCast(db);
    await subscribe(db, cast.acme, "active");
    for (const call of CALLS) {
      const member = { userId: cast.bob, tenantId: cast.acme };
      const stranger = { userId: cast.mallory, tenantId: cast.acme };
      expect([await attempt(db, member, call), await attempt(db, stranger, call)]).toEqual([
        "DNIED",
        "TNFND",
      ]);
    }
    await db.query("update app_public.tenants set status = 'closed'");
    for (const call of CALLS) {
      expect(await attempt(db, ownerOf(cast), call)).toBe("CNFLT");
    }
    expect(await rowsOf(db, "select from app_public.billing_requests")).toEqual([]);
  });

  test("only those who may manage billing see requests, and only their tenant's", async ({
    db,
  }) => {
    const cast = await createCast(db);
    const { id } = await ask(db, ownerOf(cast), "create_billing_portal_session()");
    const seen = (who: Person) =>
      asUser(db, who, () => rowsOf(db, "select id from app_public.billing_requests"));
    expect(await seen(ownerOf(cast))).toEqual([{ id }]);
    expect(await seen({ userId: cast.bob, tenantId: cast.acme })).toEqual([]);
    expect(await seen({ userId: cast.mallory, tenantId: cast.globex })).toEqual([]);
    for (const statement of [
      "update app_public.billing_requests set url = 'x'",
      "delete from app_public.billing_requests",
      "insert into app_public.billing_requests (tenant_id, kind) select member_tenant_id, 'portal' from app_private.member_tenant_id()",
      "select key_generation from app_public.billing_requests",
    ]) {
      const write = asUser(db, ownerOf(cast), () => db.query(statement));
      expect(await codeOf(write)).toBe("42501");
    }
  });

  test("nobody, while Stripe refuses our key", async ({ db }) => {
    const cast = await createCast(db);
    await asWorker(db, () => db.query("select app_private.pause_stripe(403, 'GET', '/v1', 'key')"));
    expect(await attempt(db, ownerOf(cast), CALLS[0] ?? "")).toBe("BILUN");
    expect(await attempt(db, { userId: cast.bob, tenantId: cast.acme }, CALLS[0] ?? "")).toBe(
      "DNIED",
    );
  });
});

describe("what a tenant's subscription allows", () => {
  test.for([
    ["active", ["CNFLT", "done", "done", "done", "done", "done"]],
    ["trialing", ["CNFLT", "done", "done", "done", "done", "done"]],
    ["past_due", ["CNFLT", "done", "CNFLT", "CNFLT", "done", "done"]],
    ["unpaid", ["CNFLT", "done", "CNFLT", "CNFLT", "done", "done"]],
    ["paused", ["CNFLT", "done", "CNFLT", "CNFLT", "done", "done"]],
    ["incomplete", ["done", "done", "CNFLT", "CNFLT", "done", "CNFLT"]],
    ["incomplete_expired", ["done", "done", "CNFLT", "CNFLT", "CNFLT", "CNFLT"]],
    ["canceled", ["done", "done", "CNFLT", "CNFLT", "CNFLT", "CNFLT"]],
    ["of tomorrow", ["CNFLT", "done", "CNFLT", "CNFLT", "CNFLT", "CNFLT"]],
  ] as const)("%s", async ([status, outcomes], { db }) => {
    const cast = await createCast(db);
    await subscribe(db, cast.acme, status);
    // The neighbour's must not count.
    await subscribe(db, cast.globex, status === "active" ? "canceled" : "active");
    const found = [];
    for (const call of CALLS) {
      found.push(await attempt(db, ownerOf(cast), call));
      await settleAll(db, cast.acme);
    }
    expect(found).toEqual(outcomes);
  });
});

describe("requests", () => {
  test("the same is asked for once, something else waits for its end", async ({ db }) => {
    const cast = await createCast(db);
    const first = await ask(db, ownerOf(cast), "create_checkout_session('pro')");
    const second = await ask(db, ownerOf(cast), "create_checkout_session('pro')");
    expect(second.id).toBe(first.id);
    const other = "create_checkout_session('starter')";
    expect(await attempt(db, ownerOf(cast), other)).toBe("CNFLT");
    await asWorker(db, () =>
      db.query("select app_private.finish_billing_request($1, $2, '{}')", [cast.acme, first.id]),
    );
    expect(await attempt(db, ownerOf(cast), other)).toBe("done");
    const jobs = await rowsOf(
      db,
      "select queue_name from graphile_worker.jobs where task_identifier = 'run_billing_request'",
    );
    expect(jobs).toHaveLength(2);
  });

  test("its job stands in the queue of the tenant's customer", async ({ db }) => {
    const cast = await createCast(db);
    await subscribe(db, cast.acme, "active");
    await ask(db, ownerOf(cast), "cancel_subscription()");
    const job = await rowOf(
      db,
      "select queue_name from graphile_worker.jobs where task_identifier = 'run_billing_request'",
    );
    expect(job).toEqual({ queue_name: `stripe_customer:cus_${cast.acme}` });
  });

  test("an end is written once", async ({ db }) => {
    const cast = await createCast(db);
    const { id } = await ask(db, ownerOf(cast), "create_checkout_session('pro')");
    await asWorker(db, async () => {
      const ids = [cast.acme, id];
      await db.query("select app_private.fail_billing_request($1, $2, 'refused', 'No')", ids);
      await db.query(
        `select app_private.finish_billing_request($1, $2, '{"url": "https://late.example.com"}')`,
        ids,
      );
    });
    const request = await rowOf(
      db,
      "select status, url, error_code from app_public.billing_requests",
    );
    expect(request).toEqual({ status: "failed", url: null, error_code: "refused" });
  });

  test("one that is open for an hour gives way, one done with for 90 days goes", async ({ db }) => {
    const cast = await createCast(db);
    const stale = await ask(db, ownerOf(cast), "create_checkout_session('pro')");
    await db.query("update app_public.billing_requests set created_at = now() - interval '61 min'");
    const fresh = await ask(db, ownerOf(cast), "create_checkout_session('pro')");
    expect(fresh.id).not.toBe(stale.id);
    const codes = await rowsOf(
      db,
      "select error_code from app_public.billing_requests order by id",
    );
    expect(codes).toEqual([{ error_code: "expired" }, { error_code: null }]);
    await db.query(
      `update app_public.billing_requests set finished_at = now() - interval '91 days'
      where status = 'failed'`,
    );
    await ask(db, ownerOf(cast), "create_billing_portal_session()");
    const left = await rowsOf(db, "select kind from app_public.billing_requests order by id");
    expect(left).toEqual([{ kind: "checkout" }, { kind: "portal" }]);
  });

  test("a hundred within an hour are enough for a tenant, and no matter to another", async ({
    db,
  }) => {
    const cast = await createCast(db);
    await db.query(
      `insert into app_public.billing_requests (tenant_id, kind, status)
      select $1, 'preview', 'done' from generate_series(1, 100)`,
      [cast.acme],
    );
    const portal = "create_billing_portal_session()";
    expect(await attempt(db, ownerOf(cast), portal)).toBe("RATED");
    const mallory = { userId: cast.mallory, tenantId: cast.globex };
    expect(await attempt(db, mallory, portal)).toBe("done");
  });

  test("a preview does for an hour, and for what it showed", async ({ db }) => {
    const cast = await createCast(db);
    await subscribe(db, cast.acme, "active");
    const { id } = await ask(db, ownerOf(cast), "preview_plan_change('starter', 'year')");
    const change = (more = "") => `change_plan('starter', 'year', '${id}'${more})`;
    // Stripe has not answered yet.
    expect(await attempt(db, ownerOf(cast), change())).toBe("INPUT");
    await asWorker(db, () =>
      db.query(`select app_private.finish_billing_request($1, $2, '{"prorated_at": 1793491200}')`, [
        cast.acme,
        id,
      ]),
    );
    const changed = await asUser(db, ownerOf(cast), () =>
      rowOf(db, `select prorated_at from app_public.${change()}`),
    );
    expect(changed).toEqual({ prorated_at: new Date("2026-11-01T00:00:00Z") });
    await settleAll(db, cast.acme);
    await db.query("update app_public.billing_accounts set stripe_subscription_id = 'sub_2'");
    // Of the subscription before it says nothing of what this one costs.
    expect(await attempt(db, ownerOf(cast), change())).toBe("INPUT");
    await db.query("update app_public.billing_accounts set stripe_subscription_id = null");
    await db.query("update app_public.billing_requests set created_at = now() - interval '61 min'");
    expect(await attempt(db, ownerOf(cast), change())).toBe("INPUT");
  });

  test.for([
    "create_checkout_session('nothing')",
    "create_checkout_session(null)",
    "create_checkout_session('pro', 'week')",
    "preview_plan_change('')",
    "change_plan('pro', 'month', '018f0000-0000-7000-8000-000000000000')",
    "create_billing_portal_session(null, 'subscription_pause')",
    // No request of the server's: nobody has said which pages are ours.
    "create_billing_portal_session('https://app.example.com/')",
  ])("%s is refused", async (call, { db }) => {
    const cast = await createCast(db);
    if (!call.startsWith("create_checkout")) await subscribe(db, cast.acme, "active");
    expect(await attempt(db, ownerOf(cast), call)).toBe("INPUT");
  });
});

test("what a feature's override grants is no reason to refuse a smaller plan", async ({ db }) => {
  const cast = await createCast(db);
  await subscribe(db, cast.acme, "active");
  await db.query(
    "update app_public.plan_features set quota = 1 where plan_key = 'starter' and feature_key = 'seats'",
  );
  expect(await attempt(db, ownerOf(cast), "change_plan('starter')")).toBe("QUOTA");
  await db.query(
    "insert into app_private.feature_overrides (tenant_id, feature_key, quota) values ($1, 'seats', 5)",
    [cast.acme],
  );
  expect(await attempt(db, ownerOf(cast), "change_plan('starter')")).toBe("done");
});

test("what another tenant owes is held against nobody else", async ({ db }) => {
  const cast = await createCast(db);
  await subscribe(db, cast.globex, "past_due");
  const refusal = asUser(db, ownerOf(cast), () => db.query("select app_public.change_plan('pro')"));
  await expect(refusal).rejects.toThrow("There is no subscription for that");
});
