/** npm run stripe:sync-catalog: it makes what can't be deleted, so only who asks for that has it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect } from "../support/index.ts";
import { test, type Workshop } from "../support/tasks.ts";

const CLI = fileURLToPath(new URL("../../cli/stripe_sync_catalog.ts", import.meta.url));

function syncCatalog({ database, stripeUrl }: Workshop, ...words: string[]) {
  const env = {
    WORKER_DATABASE_URL: database.urls.worker,
    STRIPE_SECRET_KEY: "sk_test_cli",
    STRIPE_API_BASE: stripeUrl,
  };
  return new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, [CLI, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout + stderr });
    });
  });
}

test("it makes the prices that are missing, and nothing for who asks for something else", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const sold = async () => (await stripe.prices.list({ lookup_keys: ["pro_month"] })).data;
  const [price] = await sold();
  await stripe.prices.update(price?.id ?? "", { lookup_key: "elsewhere" });

  // Until then the idempotency key of the first one would bring that back.
  await workshop.control("advance", { seconds: 25 * 3600 });

  const usage = expect.stringMatching(/^Usage: /);
  expect(await syncCatalog(workshop, "--help")).toEqual({ code: 0, output: usage });
  expect(await syncCatalog(workshop, "pro_month")).toEqual({ code: 0, output: usage });
  expect(await syncCatalog(workshop, "--dry-run")).toMatchObject({ code: 2 });
  expect(await sold()).toEqual([]);

  const made = { code: 0, output: "Created pro_month.\n" };
  expect(await syncCatalog(workshop)).toEqual(made);
  expect(await sold()).toHaveLength(1);
  const again = { code: 0, output: "Stripe has every price.\n" };
  expect(await syncCatalog(workshop)).toEqual(again);
});
