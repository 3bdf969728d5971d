/** npm run stripe:sync-catalog: it makes what can't be deleted, so only who asks for that has it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { startStripeEmulator } from "../../dev/stripe/emulator.ts";
import { makeStripe } from "../../tasks/stripe_client.ts";
import { expect } from "../support/index.ts";
import { test, type Workshop } from "../support/tasks.ts";

const CLI = fileURLToPath(new URL("../../cli/stripe_sync_catalog.ts", import.meta.url));

function syncCatalog(
  { database, stripeUrl }: Pick<Workshop, "database" | "stripeUrl">,
  ...words: string[]
) {
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

  const usage = expect.stringMatching(/^Usage: /);
  expect(await syncCatalog(workshop, "--help")).toEqual({ code: 0, output: usage });
  for (const odd of ["pro_month", "--dry-run"]) {
    expect(await syncCatalog(workshop, odd)).toMatchObject({ code: 2 });
  }
  expect(await sold()).toEqual([]);

  const made = { code: 0, output: "Created pro_month.\n" };
  expect(await syncCatalog(workshop)).toEqual(made);
  expect(await sold()).toHaveLength(1);
  const again = { code: 0, output: "Stripe has every price.\n" };
  expect(await syncCatalog(workshop)).toEqual(again);
});

test("a price that is archived, or whose product is, is named with the cure, and no other is made", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { data } = await stripe.prices.list({
    lookup_keys: ["enterprise_month", "enterprise_year", "pro_year"],
  });
  const find = (key: string) => data.find((each) => each.lookup_key === key);
  const archived = find("pro_year")?.id ?? "";
  const product = find("enterprise_month")?.product;
  await stripe.prices.update(archived, { active: false });
  await stripe.products.update(typeof product === "string" ? product : "", { active: false });

  for (let times = 0; times < 2; times += 1) {
    const { code, output } = await syncCatalog(workshop);
    expect(code).toBe(0);
    expect(output).toContain("Stripe has every price.");
    expect(output).toContain(
      "Not sold, as it or its product is archived at Stripe: " +
        `enterprise_month (${find("enterprise_month")?.id}), ` +
        `enterprise_year (${find("enterprise_year")?.id}), pro_year (${archived}).`,
    );
    expect(output).toMatch(
      /unarchive it there, or make a new price that takes over the lookup key/,
    );
  }
  const { data: after } = await stripe.prices.list({ lookup_keys: ["pro_year"] });
  expect(after).toMatchObject([{ id: archived, active: false }]);

  await stripe.prices.update(archived, { active: true });
  await stripe.products.update(typeof product === "string" ? product : "", { active: true });
  const sold = { code: 0, output: "Stripe has every price.\n" };
  expect(await syncCatalog(workshop)).toEqual(sold);
});

test("a product that was archived since is not sold again, although Stripe remembers making it", async ({
  workshop,
}) => {
  const { stripe } = workshop;
  const { data } = await stripe.prices.list({ lookup_keys: ["starter_month"] });
  const price = data[0]?.id ?? "";
  const product = data[0]?.product;
  await stripe.prices.update(price, { lookup_key: "elsewhere_too", active: false });
  await stripe.products.update(typeof product === "string" ? product : "", { active: false });

  // The other price of that product is not sold with it.
  const output = expect.stringMatching(/^Created starter_month\.\nNot sold, .*: starter_year \(/);
  const made = { code: 0, output };
  expect(await syncCatalog(workshop)).toEqual(made);
  const { data: now } = await stripe.prices.list({
    lookup_keys: ["starter_month"],
    expand: ["data.product"],
  });
  expect(now).toMatchObject([{ active: true, product: { active: true, name: "Starter" } }]);
});

test("two at once make each price and each product once, and tell who made it", async ({
  database,
}) => {
  await using emulator = await startStripeEmulator({ port: 0 });
  const stripe = makeStripe({ secretKey: "sk_test_cli", apiBase: new URL(emulator.url) });
  const account = { database, stripeUrl: emulator.url };
  const runs = await Promise.all([syncCatalog(account), syncCatalog(account)]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  const told = runs.flatMap(({ output }) => output.match(/\w+_(month|year)/g) ?? []);
  const { data: prices } = await stripe.prices.list({ limit: 100 });
  expect(told.toSorted()).toEqual(prices.map((each) => each.lookup_key ?? "").toSorted());
  expect(new Set(told).size).toBe(told.length);
  const { data: products } = await stripe.products.list({ limit: 100 });
  const plans = products.map(({ metadata }) => metadata["plan_key"]);
  expect(new Set(plans).size).toBe(plans.length);
});
