import { post, type GraphQLAnswer } from "../support/client.ts";
import { describe, expect } from "../support/index.ts";
import { allMutations, badInputs, lackingInputs, nodeId } from "../support/bad_inputs.ts";
import { faultOf } from "../support/contract.ts";
import { countRows, test } from "../support/quiet_system.ts";
import { codesOf, textAt, type Member } from "../support/tenant_life.ts";

const mutations = await allMutations();

/** What a client may be told here; QUERY_TOO_COMPLEX and the like would be a mistake of ours. */
const BLAMES_INPUT = new Set(["BAD_USER_INPUT", "CONFLICT", "FORBIDDEN"]);

describe.for(mutations)("$name", ({ name, input: type }) => {
  test("is refused with a type, and writes nothing, when its input is wrong", async ({
    system,
    admin,
    alice,
    mallory,
  }) => {
    const base = await baseInput(name, mallory);
    const before = await countRows(admin);
    const faults = await Promise.all(
      badInputs(type, base).map(async ({ what, input }) => {
        const answer = await ask(system.url, alice, name, type.name, input);
        const codes = codesOf(answer.body);
        const isBlamed = codes.length > 0 && codes.every((code) => BLAMES_INPUT.has(code));
        return isBlamed ? [] : [{ what, fault: faultOf(answer), body: answer.body }];
      }),
    );
    expect(faults.flat()).toEqual([]);
    expect(await countRows(admin)).toEqual(before);
  });

  test("never fails on our side when a field is null or left out", async ({
    system,
    alice,
    mallory,
  }) => {
    const base = await baseInput(name, mallory);
    const faults = await Promise.all(
      lackingInputs(type, base).map(async ({ what, input }) => {
        const fault = faultOf(await ask(system.url, alice, name, type.name, input));
        return fault === undefined ? [] : [{ what, fault }];
      }),
    );
    expect(faults.flat()).toEqual([]);
  });

  test("is refused to a visitor", async ({ system, admin, mallory }) => {
    const base = await baseInput(name, mallory);
    const input = lackingInputs(type, base)[0]?.input;
    const before = await countRows(admin);
    const answer = await ask(system.url, undefined, name, type.name, input);
    expect(codesOf(answer.body)).toEqual(["UNAUTHENTICATED"]);
    expect(await countRows(admin)).toEqual(before);
  });
});

async function ask(
  url: string,
  member: Member | undefined,
  mutation: string,
  type: string,
  input: unknown,
) {
  const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) { clientMutationId } }`;
  const { status, body } = await post(
    `${url}/graphql`,
    { query, variables: { input } },
    member === undefined ? {} : { authorization: `Bearer ${member.token}` },
  );
  const given = body as Partial<Pick<GraphQLAnswer, "data" | "errors">>;
  return { status, body: { data: null, errors: [], ...given } };
}

/** Everything well formed, and every row named in it somebody else's. */
async function baseInput(mutation: string, owner: Member) {
  const rows = await rowsOf(owner);
  const row = mutation.includes("Task") ? rows.task : rows.project;
  // A table of your own has no row here, but its mutations want an id of their type.
  const [, type = "Project"] = /^(?:update|delete)(\w+)ById$/.exec(mutation) ?? [];
  const byName: Record<string, unknown> = {
    tenantId: owner.tenantId,
    rowId: mutation.includes("Tenant") ? owner.tenantId : row.rowId,
    projectId: rows.project.rowId,
    id: mutation.includes("Tenant")
      ? nodeId("Tenant", owner.tenantId)
      : ["Project", "Task"].includes(type)
        ? row.id
        : nodeId(type, owner.tenantId, "018f0000-0000-7000-8000-000000000000"),
    plan: "pro",
    interval: "month",
    feature: "apiCalls",
    status: "open",
  };
  const byType: Record<string, unknown> = {
    String: "Text",
    Int: 1,
    Float: 1,
    Boolean: true,
    UUID: "018f0000-0000-7000-8000-000000000000",
    Date: "2026-01-01",
    Datetime: "2026-01-01T00:00:00Z",
    ID: nodeId("Project", owner.tenantId, "018f0000-0000-7000-8000-000000000000"),
  };
  return (field: string, type: string) => byName[field] ?? byType[type];
}

const rowsByTenant = new Map<string, Awaited<ReturnType<typeof makeRows>>>();

async function rowsOf(owner: Member) {
  const rows = rowsByTenant.get(owner.tenantId) ?? (await makeRows(owner));
  rowsByTenant.set(owner.tenantId, rows);
  return rows;
}

async function makeRows({ ask: askAs }: Member) {
  const made = await askAs(
    'mutation { createProject(input: { project: { name: "Theirs" } }) { project { id rowId } } }',
  );
  const project = (key: string) => textAt(made.data, "createProject", "project", key);
  const added = await askAs(
    `mutation ($projectId: UUID!) {
      createTask(input: { task: { projectId: $projectId, title: "Theirs" } }) { task { id rowId } }
    }`,
    { projectId: project("rowId") },
  );
  const task = (key: string) => textAt(added.data, "createTask", "task", key);
  return {
    project: { id: project("id"), rowId: project("rowId") },
    task: { id: task("id"), rowId: task("rowId") },
  };
}
