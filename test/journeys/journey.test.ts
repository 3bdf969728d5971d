import { linkIn, mailTo, subjectsOnce } from "../support/outbox.ts";
import { describe, expect, test, type RunningSystem } from "../support/running_system.ts";
import {
  atStripe,
  codesOf,
  confirmPayment,
  currentTenant,
  deliverAllAgain,
  foundTenant,
  tenantOnce,
  textAt,
  type CurrentTenant,
  type Member,
} from "../support/tenant_life.ts";

const ENTITLEMENTS =
  "query { entitlements { nodes { feature kind enabled limit used remaining resetsAt } } }";
const CONSUME = `mutation ($key: String!) {
  consumeFeature(input: { feature: "apiCalls", amount: 3, idempotencyKey: $key }) {
    entitlement { used remaining }
  }
}`;
const PROJECT_NAMES = "query { projects { nodes { name tasks { nodes { title isDone } } } } }";

const SECONDS = 1000;

/** One tenant's life, told in order: each test goes on where the one before it stopped. */
describe("a tenant's life", { timeout: 40 * SECONDS }, () => {
  let alice: Member;
  let paid: CurrentTenant;
  let overdue: CurrentTenant;

  test("a visitor signs up and founds a tenant, which waits for Stripe", async ({ running }) => {
    const founding = await foundTenant(running, { name: "Acme", person: "Alice" });
    alice = founding;
    expect(founding.founded).toEqual({
      status: 200,
      errors: [],
      data: {
        createTenant: {
          tenant: {
            id: expect.any(String),
            rowId: alice.tenantId,
            name: "Acme",
            plan: "pro",
            status: "provisioning",
          },
        },
      },
    });
    const me = await alice.ask("query { currentUser { rowId email name } }");
    expect(me.data).toEqual({
      currentUser: { rowId: alice.person.id, email: alice.person.email, name: "Alice" },
    });
  });

  test("Stripe knows the tenant, and its rows are out of reach until it pays", async () => {
    expect(await tenantOnce(alice, ({ status }) => status === "incomplete")).toEqual({
      rowId: alice.tenantId,
      name: "Acme",
      plan: "pro",
      status: "incomplete",
      access: "none",
      accessReason: "awaiting_payment",
      currentPeriodStart: expect.any(String),
      currentPeriodEnd: expect.any(String),
      cancelAt: null,
      graceEndsAt: null,
      trialEndsAt: null,
      accessUntil: null,
      billing: {
        stripeCustomerId: expect.stringMatching(/^cus_/),
        stripeSubscriptionId: expect.stringMatching(/^sub_/),
        clientSecret: expect.stringMatching(/^pi_.+_secret_/),
      },
    });
    await expectSuspended(alice, "awaiting_payment");
  });

  test("a declined card changes nothing", async ({ running }) => {
    const before = await currentTenant(alice);
    const declined = await confirmPayment(
      running,
      before.billing?.clientSecret,
      "pm_card_chargeDeclined",
    );
    expect(declined).toMatchObject({ status: 402, body: { error: { code: "card_declined" } } });
    expect(await deliverAllAgain(running, { order: "shuffle", seed: 1 })).toEqual([200]);
    expect(await currentTenant(alice)).toEqual(before);
  });

  test("a payment opens the tenant, though its webhooks come doubled and backwards", async ({
    running,
  }) => {
    const before = await currentTenant(alice);
    await withWebhooksHeld(running, async () => {
      expect(
        await confirmPayment(running, before.billing?.clientSecret, "pm_card_visa"),
      ).toMatchObject({ status: 200, body: { status: "succeeded" } });
      await atStripe(running, "deliveries/redeliver", { order: "reverse", times: 2 });
    });
    paid = await tenantOnce(alice, ({ status }) => status === "active");
    expect(paid).toEqual({
      ...before,
      status: "active",
      access: "full",
      accessReason: "paid",
      billing: { ...before.billing, clientSecret: null },
    });
    expect(await deliverAllAgain(running, { order: "shuffle", seed: 2 })).toEqual([200]);
    expect(await currentTenant(alice)).toEqual(paid);
  });

  test("the plan's features are there, and one key counts once", async () => {
    expect(await entitlementsOf(alice)).toEqual([
      { ...metered, limit: 50_000, used: 0, remaining: 50_000, resetsAt: paid.currentPeriodEnd },
      { ...boolean, enabled: true },
      { ...count, limit: 15, used: 1, remaining: 14 },
    ]);
    const counted = { entitlement: { used: 3, remaining: 49_997 } };
    for (const key of ["k1", "k1"]) {
      const { data, errors } = await alice.ask(CONSUME, { key });
      expect({ data, errors }).toEqual({ data: { consumeFeature: counted }, errors: [] });
    }
    const { data } = await alice.ask(CONSUME, { key: "k2" });
    expect(data).toEqual({ consumeFeature: { entitlement: { used: 6, remaining: 49_994 } } });
  });

  test("projects and tasks are made, read, changed and deleted", async () => {
    const made = await alice.ask(
      `mutation { createProject(input: { project: { name: "Wall" } }) {
        project { id rowId tenantId name status }
      } }`,
    );
    const id = textAt(made.data, "createProject", "project", "id");
    const projectId = textAt(made.data, "createProject", "project", "rowId");
    const project = { id, rowId: projectId, tenantId: alice.tenantId, name: "Wall" };
    expect(made.data).toEqual({ createProject: { project: { ...project, status: "open" } } });

    for (const title of ["Lay bricks", "Drink tea"]) {
      const task = await alice.ask(
        `mutation ($projectId: UUID!, $title: String!) {
          createTask(input: { task: { projectId: $projectId, title: $title } }) {
            task { title isDone dueOn project { name } }
          }
        }`,
        { projectId, title },
      );
      expect(task.data).toEqual({
        createTask: { task: { title, isDone: false, dueOn: null, project: { name: "Wall" } } },
      });
    }
    const changed = await alice.ask(
      `mutation ($id: ID!) { updateProjectById(input: { id: $id, patch: { status: "closed" } }) {
        project { name status tasks { nodes { id title } } }
      } }`,
      { id },
    );
    expect(changed.data).toMatchObject({
      updateProjectById: { project: { name: "Wall", status: "closed" } },
    });
    const deleted = await alice.ask(
      "mutation ($id: ID!) { deleteTaskById(input: { id: $id }) { task { title } } }",
      { id: textAt(changed.data, "updateProjectById", "project", "tasks", "nodes", "1", "id") },
    );
    expect(deleted.data).toEqual({ deleteTaskById: { task: { title: "Drink tea" } } });
    await expectRowsOf(alice);
  });

  test("a failed renewal starts one grace period, in which nothing is taken away", async ({
    running,
  }) => {
    await failRenewal(running, paid);
    overdue = await tenantOnce(alice, ({ status }) => status === "past_due");
    expect(overdue).toEqual({
      ...paid,
      status: "past_due",
      access: "full",
      accessReason: "payment_failed",
      currentPeriodStart: expect.any(String),
      currentPeriodEnd: expect.any(String),
      graceEndsAt: expect.any(String),
      accessUntil: overdue.graceEndsAt,
      billing: { ...paid.billing, clientSecret: expect.stringMatching(/^pi_.+_secret_/) },
    });
    await expectRowsOf(alice);

    await failRenewal(running, paid);
    const failedTwice = await tenantOnce(
      alice,
      ({ currentPeriodEnd }) => currentPeriodEnd !== overdue.currentPeriodEnd,
    );
    expect(failedTwice.graceEndsAt).toBe(overdue.graceEndsAt);
    expect(await deliverAllAgain(running, { order: "reverse" })).toEqual([200]);
    expect((await currentTenant(alice)).graceEndsAt).toBe(overdue.graceEndsAt);
    overdue = failedTwice;
  });

  test("after the grace period rows are refused, but what is owed is told", async ({ running }) => {
    const suspended = await tenantOnce(alice, ({ status }) => status === "suspended");
    expect(suspended).toEqual({
      ...overdue,
      status: "suspended",
      access: "none",
      accessReason: "grace_ended",
      accessUntil: null,
    });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(String(overdue.graceEndsAt)));
    await expectSuspended(alice, "grace_ended");
    expect(await entitlementsOf(alice)).toEqual([
      { ...metered, enabled: false, limit: 0, remaining: 0, used: 0, resetsAt: expect.any(String) },
      { ...boolean, enabled: false },
      { ...count, enabled: false, limit: 0, remaining: 0, used: 1 },
    ]);
    expect(await deliverAllAgain(running, { order: "shuffle", seed: 3 })).toEqual([200]);
    expect(await currentTenant(alice)).toEqual(suspended);
  });

  test("paying what is open brings everything back", async ({ running }) => {
    const { billing } = await currentTenant(alice);
    expect(await confirmPayment(running, billing?.clientSecret, "pm_card_visa")).toMatchObject({
      status: 200,
    });
    const back = await tenantOnce(alice, ({ status }) => status === "active");
    expect(back).toEqual({
      ...paid,
      currentPeriodStart: overdue.currentPeriodStart,
      currentPeriodEnd: overdue.currentPeriodEnd,
    });
    await expectRowsOf(alice);
    expect(await deliverAllAgain(running, { order: "shuffle", seed: 4 })).toEqual([200]);
    expect(await currentTenant(alice)).toEqual(back);
  });

  test("S2: each webhook came many times, and each mail of all that once", async ({ running }) => {
    const last = await mailTo(running.url, alice.person.email, /^Acme is back$/);
    expect(linkIn(last)).toContain(`/billing?tenant=${alice.tenantId}`);
    const subjects = await subjectsOnce(running.url, alice.person.email, "Acme");
    const others = subjects.filter((subject) => !subject.endsWith("failed"));
    expect(others).toEqual(["Acme is back", "Acme is suspended"]);
  });
});

const metered = { feature: "apiCalls", kind: "metered", enabled: true };
const boolean = {
  feature: "customDomain",
  kind: "boolean",
  limit: null,
  used: null,
  remaining: null,
  resetsAt: null,
};
const count = { feature: "seats", kind: "count", enabled: true, resetsAt: null };

async function entitlementsOf({ ask }: Member): Promise<unknown> {
  const { data, errors } = await ask(ENTITLEMENTS);
  expect(errors).toEqual([]);
  const entitlements = data?.["entitlements"] as { nodes: { feature: string }[] } | undefined;
  return entitlements?.nodes.toSorted((a, b) => a.feature.localeCompare(b.feature));
}

async function expectRowsOf({ ask }: Member): Promise<void> {
  const { data, errors } = await ask(PROJECT_NAMES);
  const tasks = { nodes: [{ title: "Lay bricks", isDone: false }] };
  expect(errors).toEqual([]);
  expect(data).toEqual({ projects: { nodes: [{ name: "Wall", tasks }] } });
}

/** Neither read nor written, and the reason is told. */
async function expectSuspended({ ask }: Member, reason: string): Promise<void> {
  const doors = [
    "query { projects { nodes { name } } }",
    "query { tasks { totalCount } }",
    'mutation { createProject(input: { project: { name: "Late" } }) { project { name } } }',
    'mutation { consumeFeature(input: { feature: "apiCalls", amount: 1, idempotencyKey: "late" }) { entitlement { used } } }',
  ];
  for (const door of doors) {
    const answer = await ask(door);
    expect(codesOf(answer), door).toEqual(["TENANT_SUSPENDED"]);
    expect(answer.errors[0]?.extensions.details).toEqual({ reason });
  }
}

async function failRenewal(running: RunningSystem, { billing }: CurrentTenant): Promise<void> {
  const subscription = billing?.stripeSubscriptionId ?? "";
  await atStripe(running, `subscriptions/${subscription}/renew`, { outcome: "fail" });
}

/** What happens meanwhile reaches the server late; what is sent on demand overtakes it. */
async function withWebhooksHeld(running: RunningSystem, work: () => Promise<void>): Promise<void> {
  await atStripe(running, "webhooks", { mode: "hold" });
  try {
    await work();
  } finally {
    await atStripe(running, "webhooks", { mode: "deliver" });
  }
}
