/** npm run provision: how an operator starts a tenant's provisioning again. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect } from "../support/index.ts";
import { rowOf } from "../support/query.ts";
import { test, type Workshop } from "../support/tasks.ts";

const CLI = fileURLToPath(new URL("../../cli/provision.ts", import.meta.url));

function provision({ database }: Workshop, ...words: string[]) {
  const env = { WORKER_DATABASE_URL: database.urls.worker, STRIPE_SECRET_KEY: "sk_test_cli" };
  return new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, [CLI, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout + stderr });
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
  const { code, output } = await provision(workshop, tenantId);
  const { id } = await rowOf<{ id: string }>(
    workshop.pool,
    "select id from app_private.billing_intents where tenant_id = $1 and failed_at is null",
    [tenantId],
  );
  expect([code, output]).toEqual([
    0,
    `Booked: the worker provisions tenant ${tenantId} by intent ${id}.\n`,
  ]);
  await workshop.settle();
  const { subscriptions } = await workshop.atStripe(tenantId);
  expect(subscriptions).toMatchObject([{ metadata: { intent_id: id } }]);

  const [again, nobody] = await Promise.all([
    provision(workshop, tenantId),
    provision(workshop, "acme"),
  ]);
  expect(again).toMatchObject({ code: 1, output: expect.stringContaining("has a subscription") });
  expect(nobody).toMatchObject({ code: 1, output: expect.stringContaining("by its uuid") });
});
