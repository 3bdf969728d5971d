/** Tenants that pay at the Stripe emulator: a customer with an active subscription each. */
import { randomUUID } from "node:crypto";

import { pino } from "pino";
import Stripe from "stripe";

import { syncCatalog } from "../cli/stripe_catalog.ts";
import { makePool } from "../server/database.ts";
import { connect, type BenchDatabase } from "./database.ts";
import { forkEmulator } from "./stripe_emulator.ts";

export type Payer = { tenantId: string; customer: string; subscription: string };

/** An emulator in a process of its own, with whom it knows. */
export type Payers = AsyncDisposable & { stripe: Stripe; stripePort: number; payers: Payer[] };

export const SECRET_KEY = "sk_test_bench";
const LOOKUP_KEY = "pro_month";
const AT_ONCE = 16;

/** Starts an emulator with `count` customers, who are tenants in each of the databases. */
export async function startPayers(
  count: number,
  databases: readonly BenchDatabase[],
): Promise<Payers> {
  const emulator = await forkEmulator({ kind: "emulator" });
  try {
    const stripe = stripeAt(emulator.ready);
    await fillCatalog(stripe, databases);
    const { data } = await stripe.prices.list({ lookup_keys: [LOOKUP_KEY] });
    const [price] = data;
    if (price === undefined) throw new Error(`There is no price ${LOOKUP_KEY}`);
    const payers: Payer[] = [];
    while (payers.length < count) {
      const next = Math.min(AT_ONCE, count - payers.length);
      const subscribed = Array.from({ length: next }, () => subscribe(stripe, price.id));
      payers.push(...(await Promise.all(subscribed)));
    }
    for (const database of databases) await makeTenants(database, payers);
    return {
      stripe,
      stripePort: emulator.ready,
      payers,
      [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
    };
  } catch (error) {
    await emulator[Symbol.asyncDispose]();
    throw error;
  }
}

/** The SDK, speaking to an emulator. */
export function stripeAt(port: number): Stripe {
  return new Stripe(SECRET_KEY, { protocol: "http", host: "127.0.0.1", port, telemetry: false });
}

async function subscribe(stripe: Stripe, price: string): Promise<Payer> {
  const tenantId = randomUUID();
  const card = "pm_card_visa";
  const { id: customer } = await stripe.customers.create({
    payment_method: card,
    invoice_settings: { default_payment_method: card },
    metadata: { tenant_id: tenantId },
  });
  const { id, status } = await stripe.subscriptions.create({ customer, items: [{ price }] });
  if (status !== "active") throw new Error(`The subscription is ${status}`);
  return { tenantId, customer, subscription: id };
}

async function fillCatalog(stripe: Stripe, databases: readonly BenchDatabase[]): Promise<void> {
  for (const { urls } of databases) {
    const pool = makePool({
      connectionString: urls.worker,
      applicationName: "bench-catalog",
      role: "app_worker",
      logger: pino({ level: "warn" }),
      max: 1,
    });
    try {
      await syncCatalog(pool, stripe);
    } finally {
      await pool.end();
    }
  }
}

async function makeTenants({ urls }: BenchDatabase, payers: readonly Payer[]): Promise<void> {
  await using client = await connect(urls.superuser);
  // Made as they would be after some time; what triggers would book is not what is measured.
  await client.query("set session_replication_role = replica");
  const columns = [
    payers.map(({ tenantId }) => tenantId),
    payers.map(({ customer }) => customer),
  ] as const;
  await client.query(
    `with payers as (select * from unnest($1::uuid[], $2::text[]) as payer (tenant_id, customer_id)),
    made as (
      insert into app_public.tenants (id, name, plan, status, access, access_reason)
      select tenant_id, 'Tenant of ' || customer_id, 'pro', 'active', 'full', 'paid' from payers
    ),
    billed as (
      insert into app_public.billing_accounts (tenant_id, stripe_customer_id)
      select tenant_id, customer_id from payers
    )
    insert into app_private.stripe_customers (tenant_id, id)
    select tenant_id, customer_id from payers`,
    [...columns],
  );
  await client.query(
    "vacuum (analyze) app_public.tenants, app_public.billing_accounts, app_private.stripe_customers",
  );
}
