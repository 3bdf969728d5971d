import { accessToken, post } from "../support/client.ts";
import { describe, expect, test } from "../support/running_system.ts";
import { codesOf, foundPaidTenant, textAt, type Member } from "../support/tenant_life.ts";

const ROWS = `query {
  projects { totalCount nodes { id rowId name status tasks { nodes { id rowId title } } } }
  tasks { totalCount nodes { title } }
}`;

/** Two paid tenants side by side: alice's has rows, mallory tries everything to get at them. */
describe("the wall between two neighbours", () => {
  let alice: Member;
  let mallory: Member;
  let rows: unknown;
  let project: { id: string; tenantId: string; rowId: string };
  let task: { id: string; tenantId: string; rowId: string };

  test("each has a tenant of their own, and pays for it", async ({ running }) => {
    alice = await foundPaidTenant(running, { name: "Acme", person: "Alice" });
    mallory = await foundPaidTenant(running, {
      name: "Globex",
      person: "Mallory",
      plan: "starter",
    });
    await alice.ask(
      'mutation { createProject(input: { project: { name: "Wall" } }) { clientMutationId } }',
    );
    const made = await alice.ask("query { projects { nodes { id rowId } } }");
    const { tenantId } = alice;
    const at = (key: string) => textAt(made.data, "projects", "nodes", "0", key);
    project = { id: at("id"), rowId: at("rowId"), tenantId };
    const added = await alice.ask(
      `mutation ($projectId: UUID!) {
        createTask(input: { task: { projectId: $projectId, title: "Lay bricks" } }) {
          task { id rowId }
        }
      }`,
      { projectId: project.rowId },
    );
    const of = (key: string) => textAt(added.data, "createTask", "task", key);
    task = { id: of("id"), rowId: of("rowId"), tenantId };
    rows = await rowsOf(alice);
    expect(rows).toEqual({
      projects: {
        totalCount: 1,
        nodes: [
          {
            id: project.id,
            rowId: project.rowId,
            name: "Wall",
            status: "open",
            tasks: { nodes: [{ id: task.id, rowId: task.rowId, title: "Lay bricks" }] },
          },
        ],
      },
      tasks: { totalCount: 1, nodes: [{ title: "Lay bricks" }] },
    });
  });

  test("no list of mallory's shows a row of alice's", async () => {
    const { data, errors } = await mallory.ask(`query {
      projects { totalCount nodes { id } }
      tasks { totalCount nodes { id } }
      memberships { nodes { tenantId userId role } }
      users { nodes { rowId email } }
      billingAccounts { nodes { tenantId } }
      tenants { nodes { rowId name } }
    }`);
    const { person, tenantId } = mallory;
    expect(errors).toEqual([]);
    expect(data).toEqual({
      projects: { totalCount: 0, nodes: [] },
      tasks: { totalCount: 0, nodes: [] },
      memberships: { nodes: [{ tenantId, userId: person.id, role: "owner" }] },
      users: { nodes: [{ rowId: person.id, email: person.email }] },
      billingAccounts: { nodes: [{ tenantId }] },
      tenants: { nodes: [{ rowId: tenantId, name: "Globex" }] },
    });
  });

  test("no question by id is answered with a row of alice's", async () => {
    const { data, errors } = await mallory.ask(
      `query ($project: ID!, $task: ID!, $projectRow: UUID!, $taskRow: UUID!, $tenant: UUID!, $user: UUID!) {
        byNode: node(id: $project) { id }
        taskByNode: node(id: $task) { id }
        projectById(id: $project) { name }
        taskById(id: $task) { title }
        project(rowId: $projectRow, tenantId: $tenant) { name }
        task(rowId: $taskRow, tenantId: $tenant) { title }
        projectByTenantIdAndName(tenantId: $tenant, name: "Wall") { name }
        tenant(rowId: $tenant) { name }
        user(rowId: $user) { email }
        membership(tenantId: $tenant, userId: $user) { role }
        billingAccount(tenantId: $tenant) { clientSecret stripeCustomerId }
      }`,
      {
        project: project.id,
        task: task.id,
        projectRow: project.rowId,
        taskRow: task.rowId,
        tenant: alice.tenantId,
        user: alice.person.id,
      },
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      byNode: null,
      taskByNode: null,
      projectById: null,
      taskById: null,
      project: null,
      task: null,
      projectByTenantIdAndName: null,
      tenant: null,
      user: null,
      membership: null,
      billingAccount: null,
    });
  });

  test("no mutation of mallory's reaches a row of alice's", async () => {
    const patch = { name: "Rubble" };
    const { tenantId } = alice;
    const key = { rowId: project.rowId, tenantId };
    const taskKey = { rowId: task.rowId, tenantId };
    const attempts: [mutation: string, input: object][] = [
      ["updateProjectById", { id: project.id, patch }],
      ["updateProject", { ...key, patch }],
      ["updateProjectByTenantIdAndName", { tenantId, name: "Wall", patch }],
      ["deleteProjectById", { id: project.id }],
      ["deleteProject", key],
      ["deleteProjectByTenantIdAndName", { tenantId, name: "Wall" }],
      ["updateTaskById", { id: task.id, patch: { title: "Fall" } }],
      ["updateTask", { ...taskKey, patch: { title: "Fall" } }],
      ["deleteTaskById", { id: task.id }],
      ["deleteTask", taskKey],
      ["updateTenant", { rowId: tenantId, patch }],
      // A task of one's own in the neighbour's project: the foreign key carries the tenant.
      ["createTask", { task: { projectId: project.rowId, title: "Trojan" } }],
    ];
    for (const [mutation, input] of attempts) {
      const type = `${mutation.replace(/^./, (first) => first.toUpperCase())}Input!`;
      const answer = await mallory.ask(
        `mutation ($input: ${type}) { ${mutation}(input: $input) { clientMutationId } }`,
        { input },
      );
      expect({ mutation, data: answer.data, codes: codesOf(answer) }).toEqual({
        mutation,
        data: { [mutation]: null },
        codes: ["BAD_USER_INPUT"],
      });
    }
    expect(await rowsOf(alice)).toEqual(rows);
    expect(await rowsOf(mallory)).toEqual({
      projects: { totalCount: 0, nodes: [] },
      tasks: { totalCount: 0, nodes: [] },
    });
  });

  test("mallory gets no token for alice's tenant, nor hears whether it exists", async ({
    running,
  }) => {
    const refusals = [];
    for (const tenantId of [alice.tenantId, "018f0000-0000-7000-8000-000000000000"]) {
      const { status, body } = await post(
        `${running.url}/auth/token`,
        { tenantId },
        { authorization: `Bearer ${mallory.person.session}` },
      );
      refusals.push({ status, body });
    }
    expect(refusals[0]).toMatchObject({
      status: 403,
      body: { errors: [{ extensions: { code: "TENANT_NOT_FOUND" } }] },
    });
    expect(refusals[0]).toEqual(refusals[1]);
    // Her own is still hers.
    expect(await accessToken(running.url, mallory.person, mallory.tenantId)).toMatch(/^ey/);
  });
});

async function rowsOf({ ask }: Member): Promise<unknown> {
  const { data, errors } = await ask(ROWS);
  expect(errors).toEqual([]);
  return data;
}
