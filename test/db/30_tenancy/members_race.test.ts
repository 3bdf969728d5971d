/** Several people change the same tenant's people at once: real connections, real commits. */
import type pg from "pg";

import { test } from "../../support/committed.ts";
import { expect, withClient, type Cast, type TestDatabase } from "../../support/index.ts";
import { waitForLock } from "../../support/locks.ts";
import { rolesIn } from "../../support/members.ts";
import { codeOf, requestOn } from "../../support/query.ts";

type Call = [sql: string, ...values: string[]];

/** How an owner can bring a tenant nearer to having none. */
const MOVES: readonly ((self: string, other: string) => Call)[] = [
  () => ["leave_tenant()"],
  (self) => ["remove_member($1)", self],
  (self) => ["change_member_role($1, 'admin')", self],
  (_, other) => ["remove_member($1)", other],
  (_, other) => ["change_member_role($1, 'member')", other],
  (_, other) => ["transfer_ownership($1)", other],
];

/** Makes alice and bob what is asked for, and leaves nobody else in the tenant. */
async function become(
  admin: pg.ClientBase,
  { acme, alice, bob }: Cast,
  roles: { alice: string; bob: string },
): Promise<void> {
  await admin.query(
    `insert into app_public.memberships (tenant_id, user_id, role)
    select $1, * from unnest($2::uuid[], $3::text[])
    on conflict (tenant_id, user_id) do update set role = excluded.role`,
    [acme, [alice, bob], [roles.alice, roles.bob]],
  );
}

/** What a call as somebody comes to; it commits after `meanwhile`. */
function ask(
  client: pg.ClientBase,
  who: { userId: string; tenantId: string },
  [sql, ...values]: Call,
  meanwhile?: () => Promise<void>,
): Promise<unknown> {
  return codeOf(
    requestOn(client, who, async () => {
      await client.query(`select app_public.${sql}`, values);
      await meanwhile?.();
    }),
  );
}

/** What alice's call and bob's come to: his begins before hers is committed, and has to wait. */
async function oneBehindTheOther(
  { admin, hers, his }: Connections,
  { acme: tenantId, alice, bob }: Cast,
  first: Call,
  second: Call,
): Promise<unknown[]> {
  let late: Promise<unknown> | undefined;
  const early = await ask(hers, { userId: alice, tenantId }, first, async () => {
    late = ask(his, { userId: bob, tenantId }, second);
    await waitForLock(admin);
  });
  return [early, await late];
}

/** Runs `use` with a connection for each of the two. */
function withConnections<T>(
  { urls }: TestDatabase,
  admin: pg.ClientBase,
  use: (connections: Connections) => Promise<T>,
): Promise<T> {
  return withClient(urls.server, (hers) =>
    withClient(urls.server, (his) => use({ admin, hers, his })),
  );
}
type Connections = { admin: pg.ClientBase; hers: pg.ClientBase; his: pg.ClientBase };

test("whatever the last two owners do at once, an owner is left", async ({
  database,
  admin,
  cast,
}) => {
  const { alice, bob, acme } = cast;
  const answers: unknown[][] = [];
  await withConnections(database, admin, async (connections) => {
    for (const first of MOVES) {
      const row: unknown[] = [];
      for (const second of MOVES) {
        await become(admin, cast, { alice: "owner", bob: "owner" });
        const calls = [first(alice, bob), second(bob, alice)] as const;
        const [early, late] = await oneBehindTheOther(connections, cast, ...calls);
        expect(early, calls.join(" | ")).toBe("done");
        const roles = Object.values(await rolesIn(admin, acme));
        expect(roles, calls.join(" | ")).toContain("owner");
        row.push(late);
      }
      answers.push(row);
    }
  });
  // A row for each of alice's moves, in it the answer to each of bob's.
  expect(answers).toEqual([
    ["CNFLT", "CNFLT", "CNFLT", "INPUT", "INPUT", "INPUT"],
    ["CNFLT", "CNFLT", "CNFLT", "INPUT", "INPUT", "INPUT"],
    ["CNFLT", "CNFLT", "CNFLT", "done", "done", "done"],
    ["TNFND", "TNFND", "TNFND", "TNFND", "TNFND", "TNFND"],
    ["done", "DNIED", "DNIED", "DNIED", "DNIED", "DNIED"],
    ["CNFLT", "CNFLT", "CNFLT", "done", "done", "done"],
  ]);
});

test("also when transactions read by an older snapshot", async ({ database, admin, cast }) => {
  const isolation = `alter database ${database.name} set default_transaction_isolation`;
  const leave: Call = ["leave_tenant()"];
  await become(admin, cast, { alice: "owner", bob: "owner" });
  await admin.query(`${isolation} = 'repeatable read'`);
  const outcome = await withConnections(database, admin, (connections) =>
    oneBehindTheOther(connections, cast, leave, leave),
  );
  await admin.query(`${isolation} to default`);
  expect(outcome).toEqual(["done", "40001"]);
  expect(await rolesIn(admin, cast.acme)).toEqual({ [cast.bob]: "owner" });
});

test.for(["change_member_role($1, 'admin')", "remove_member($1)", "invite_member($1 || '@x.de')"])(
  "an admin who is demoted meanwhile can't do %s any more",
  async (sql, { database, admin, cast }) => {
    await become(admin, cast, { alice: "owner", bob: "admin" });
    const demotion: Call = ["change_member_role($1, 'member')", cast.bob];
    const attempt: Call = [sql, cast.bob];
    const outcome = await withConnections(database, admin, (connections) =>
      oneBehindTheOther(connections, cast, demotion, attempt),
    );
    expect(outcome).toEqual(["done", "DNIED"]);
  },
);

test("a change waits for a bill that is being applied, and the next bill for it", async ({
  database,
  admin,
  cast,
}) => {
  await become(admin, cast, { alice: "owner", bob: "owner" });
  await withClient(database.urls.worker, async (worker) => {
    const apply = () => worker.query("select app_private.apply_billing($1)", [cast.acme]);
    await worker.query("set role app_worker");
    await worker.query("begin");
    await apply();
    let next: Promise<unknown> | undefined;
    const who = { userId: cast.bob, tenantId: cast.acme };
    const leaving = withClient(database.urls.server, (client) =>
      ask(client, who, ["leave_tenant()"], async () => {
        next = codeOf(apply());
        await waitForLock(admin);
      }),
    );
    await waitForLock(admin);
    await worker.query("commit");
    expect([await leaving, await next]).toEqual(["done", "done"]);
  });
});
