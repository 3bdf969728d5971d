/** npm run provision: how an operator starts a tenant's provisioning again. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const CLI = fileURLToPath(new URL("../../cli/provision.ts", import.meta.url));

function provision({ database }: Workshop, ...words: string[]) {
  // The deploy job's login is all that an operator's command needs.
  const env = { MIGRATION_DATABASE_URL: database.urls.migrator };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [CLI, ...words], { env }, (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err });
    });
  });
}

test("an operator starts again what Stripe refused, and is told what there is not to start", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  await workshop.pool.query(
    "update app_private.billing_intents set failed_at = now() where tenant_id = $1",
    [tenantId],
  );
  await workshop.settle();
  const begun = await provision(workshop, tenantId);
  const { id } = await rowOf<{ id: string }>(
    workshop.pool,
    "select id from app_private.billing_intents where tenant_id = $1 and failed_at is null",
    [tenantId],
  );
  const out = `Booked: a worker provisions tenant ${tenantId} by intent ${id}.\n`;
  expect(begun).toEqual({ code: 0, out, err: "" });
  await workshop.settle();
  const { subscriptions } = await workshop.atStripe(tenantId);
  expect(subscriptions).toMatchObject([{ metadata: { intent_id: id } }]);

  expect(await provision(workshop, tenantId)).toMatchObject({
    code: 1,
    out: expect.stringContaining("has a subscription"),
    err: "",
  });
});

test("it says how it is used, and starts nothing for who asks for something else", async ({
  workshop,
}) => {
  const tenantId = await workshop.found();
  const failed = "update app_private.billing_intents set failed_at = now() where tenant_id = $1";
  await workshop.pool.query(failed, [tenantId]);
  const asked = await Promise.all([
    provision(workshop, "--help"),
    provision(workshop, "--help", tenantId),
    provision(workshop),
    provision(workshop, "acme"),
    provision(workshop, tenantId, tenantId),
    provision(workshop, tenantId, "--force"),
  ]);
  const usage = "Usage: npm run provision";
  const help = { code: 0, out: expect.stringMatching(`^${usage}`), err: "" };
  const refused = (why: string) => ({ code: 2, out: "", err: expect.stringMatching(why) });
  expect(asked).toEqual([
    help,
    help,
    ...["by its uuid", "by its uuid", "one, by its", "--force"].map((why) => refused(why)),
  ]);
  for (const { out, err } of asked) expect(out + err).toContain(usage);
  const open = "select from app_private.billing_intents where tenant_id = $1 and failed_at is null";
  expect((await workshop.pool.query(open, [tenantId])).rows).toEqual([]);
});
