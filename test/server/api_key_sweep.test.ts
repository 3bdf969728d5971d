/** Every query and mutation of the API with each scope alone, as printed: a new one is here too. */
import { buildSchema, getNamedType, isLeafType, isNonNullType, type GraphQLField } from "graphql";
import type pg from "pg";

import { makeApiKey } from "../support/api_key_client.ts";
import { allMutations, lackingInputs, nodeId } from "../support/bad_inputs.ts";
import { graphql, type GraphQLAnswer } from "../support/client.ts";
import { repositoryFile } from "../support/contract.ts";
import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { codesOf, type Member } from "../support/tenant_life.ts";

const schema = buildSchema(await repositoryFile("server/schema.graphql"));

/** Catalogs, the same for everyone, and what Relay and PostGraphile add. */
const EVERYBODYS = new Set(["features", "planFeatures", "planPrices", "plans", "query", "id"]);
/** What the tenant needs also while it is suspended, whatever a key may do besides. */
const THE_TENANTS = new Set(["currentTenant", "entitlements", "permissions", "tenantHasFeature"]);
/** A person's own. */
const PERSONS = new Set(["currentMembership", "currentUser", "tenants", "users"]);
/** Rows for those who hold a permission; nobody else sees any. */
const GUARDED: Readonly<Record<string, string | undefined>> = {
  apiKeys: "api_keys.manage",
  auditEntries: "audit.read",
  billingAccounts: "billing.manage",
  billingRequests: "billing.manage",
  invitations: "members.invite",
  invoices: "billing.manage",
  memberships: "members.read",
};
/** What the scope billing is for; test/billing_requests does them. */
const BILLING =
  /^(create(Checkout|BillingPortal)Session|previewPlanChange|changePlan|(cancel|resume)Subscription)$/;
const HELD: Readonly<Record<string, readonly string[]>> = {
  read: ["members.read"],
  write: ["members.read"],
  billing: ["billing.manage"],
};

test.for(["read", "write", "billing"])(
  "each query, with a key of scope %s",
  async (scope, { system: { url }, admin, alice }) => {
    await rowsFor(admin, alice);
    const { secret } = await makeApiKey(alice, [scope]);
    const fields = Object.values(schema.getQueryType()?.getFields() ?? {}).filter(isPlain);
    expect(fields.length).toBeGreaterThan(18);
    for (const field of fields) {
      const answer = await graphql(url, secret, `query { ${field.name} ${selection(field)} }`);
      expect({ [field.name]: outcomeOf(field.name, answer) }).toEqual({
        [field.name]: expectedOf(field.name, scope),
      });
    }
  },
);

test.for(["read", "billing"])(
  "no mutation is done by a key of scope %s",
  async (scope, { system: { url }, admin, alice }) => {
    const { secret } = await makeApiKey(alice, [scope]);
    const base = await rowsFor(admin, alice);
    const before = await stateOf(admin);
    const isRefused = (name: string) => scope !== "billing" || !BILLING.test(name);
    for (const { name, answer } of await everyMutation(url, secret, () => base, isRefused)) {
      const codes = codesOf(answer);
      expect({ name, codes }).toEqual({ name, codes: [expect.any(String)] });
      expect(["FORBIDDEN", "UNAUTHENTICATED", "BAD_USER_INPUT"]).toContain(codes[0]);
    }
    expect(await stateOf(admin)).toEqual(before);
  },
);

test("a key of scope write changes the tenant's rows and uses its features, and no more", async ({
  system: { url },
  admin,
  alice,
}) => {
  const { secret } = await makeApiKey(alice, ["write"]);
  const answers = await everyMutation(url, secret, () => rowsFor(admin, alice));
  const done = answers.filter(({ answer }) => answer.errors.length === 0).map(({ name }) => name);
  expect(done).toEqual(
    answers.map(({ name }) => name).filter((name) => /Project|Task|^consumeFeature$/.test(name)),
  );
  expect(done).toContain("deleteTaskById");
  for (const { name, answer } of answers.filter((one) => !done.includes(one.name))) {
    const [code] = codesOf(answer);
    expect(["FORBIDDEN", "UNAUTHENTICATED", "BAD_USER_INPUT"], name).toContain(code);
  }
});

function isPlain({ args }: GraphQLField<unknown, unknown>): boolean {
  return args.every(({ type }) => !isNonNullType(type));
}

function selection({ type }: GraphQLField<unknown, unknown>): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return "";
  return named.name.endsWith("Connection") ? "{ nodes { __typename } }" : "{ __typename }";
}

type Outcome = "open" | "empty" | { code: string; details?: unknown };

function outcomeOf(field: string, { data, errors }: GraphQLAnswer): Outcome {
  const [error] = errors;
  if (error !== undefined) {
    const { code, details } = error.extensions;
    return details === undefined ? { code } : { code, details };
  }
  const value = data?.[field] as { nodes?: unknown[] } | null;
  return value === null || value?.nodes?.length === 0 ? "empty" : "open";
}

function expectedOf(field: string, scope: string): Outcome {
  if (EVERYBODYS.has(field) || THE_TENANTS.has(field)) return "open";
  if (field === "roles" || field === "rolePermissions") return "open";
  if (PERSONS.has(field)) return { code: "UNAUTHENTICATED" };
  const permission = GUARDED[field];
  if (permission !== undefined) return HELD[scope]?.includes(permission) ? "open" : "empty";
  return scope === "billing" ? { code: "FORBIDDEN", details: { scope: "read" } } : "open";
}

/** Each mutation, well formed. */
async function everyMutation(
  url: string,
  secret: string,
  base: () => Base | Promise<Base>,
  isWanted: (name: string) => boolean = () => true,
): Promise<{ name: string; answer: GraphQLAnswer }[]> {
  const answers = [];
  const wanted = (await allMutations()).filter(({ name }) => isWanted(name));
  for (const { name, input: type } of wanted) {
    const given = await base();
    const whole = lackingInputs(type, (field, kind) => given(name, field, kind)).find(
      ({ what }) => what === "clientMutationId left out",
    );
    const query = `mutation ($input: ${type.name}!) { ${name}(input: $input) { clientMutationId } }`;
    answers.push({ name, answer: await graphql(url, secret, query, { input: whole?.input }) });
  }
  return answers;
}

type Base = (mutation: string, field: string, type: string) => unknown;

/** Rows of the tenant that are there to be changed, and what a mutation is given to name them. */
async function rowsFor(admin: pg.Client, { tenantId, person }: Member): Promise<Base> {
  const made = await rowOf<{ project: string; task: string; name: string; key: string }>(
    admin,
    `with project as (
      insert into app_public.projects (tenant_id, name)
      values ($1, gen_random_uuid()::text) returning id, name
    ),
    task as (
      insert into app_public.tasks (tenant_id, project_id, title)
      select $1, id, 'Sweep' from project returning id
    ),
    request as (
      insert into app_public.billing_requests (tenant_id, kind, status) values ($1, 'portal', 'done')
    ),
    invoice as (
      insert into app_public.invoices (
        tenant_id, id, status, attempt_count, currency, amount_due, amount_paid, amount_remaining,
        period_start, period_end, created_at
      )
      values ($1, 'in_sweep', 'paid', 1, 'usd', 1, 1, 0, now(), now(), now())
      on conflict do nothing
    )
    select project.id as project, task.id as task, project.name,
      (select id from app_public.api_keys where tenant_id = $1 order by id limit 1) as key
    from project, task`,
    [tenantId],
  );
  const kindOf = (mutation: string) =>
    ["Tenant", "Task"].find((kind) => mutation.includes(kind)) ?? "Project";
  return (mutation, field, type) => {
    const rowId = { Tenant: tenantId, Task: made.task, Project: made.project }[kindOf(mutation)];
    const isTenant = kindOf(mutation) === "Tenant";
    const known: Record<string, unknown> = {
      tenantId,
      rowId,
      projectId: made.project,
      apiKeyId: made.key,
      userId: person.id,
      id: isTenant ? nodeId("Tenant", tenantId) : nodeId(kindOf(mutation), tenantId, rowId),
      name: mutation.startsWith("create") ? `New ${made.name}`.slice(0, 40) : made.name,
      scopes: ["read"],
      status: "closed",
      feature: "apiCalls",
      role: "member",
      email: "somebody@example.com",
      plan: "pro",
      interval: "month",
      expiresAt: null,
    };
    const byType: Record<string, unknown> = {
      String: "Text",
      Int: 1,
      Boolean: true,
      UUID: "018f0000-0000-7000-8000-000000000000",
      Date: "2026-01-01",
      Datetime: "2026-01-01T00:00:00Z",
    };
    return field in known ? known[field] : byType[type];
  };
}

/** How many rows there are, and what the ones that may be changed say. */
async function stateOf(admin: pg.Client): Promise<unknown> {
  const rows = await rowOf(
    admin,
    `select
      (select json_agg(t order by id) from app_public.tenants as t) as tenants,
      (select json_agg(p order by id) from app_public.projects as p) as projects,
      (select json_agg(t order by id) from app_public.tasks as t) as tasks,
      (select json_agg(m order by user_id) from app_public.memberships as m) as memberships,
      (select json_agg(k order by id) from app_public.api_keys as k) as keys`,
  );
  return { rows, counts: await countRows(admin) };
}
