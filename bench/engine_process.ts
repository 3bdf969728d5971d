/**
 * What @supabase/stripe-sync-engine makes of a webhook, in a process of its own: node:http hands it
 * body and signature, and answers when it has done everything, as the service that the package was
 * made for does.
 */
import { readdir, readFile } from "node:fs/promises";
import http from "node:http";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { StripeSync } from "@supabase/stripe-sync-engine";
import type pg from "pg";

import { forkFile, obeyParent, type Forked } from "./fork.ts";
import { portOf } from "./listen.ts";
import { SECRET_KEY, stripeAt } from "./payers.ts";
import { WEBHOOK_SECRET } from "./signed_events.ts";

type Order = {
  databaseUrl: string;
  stripePort: number;
  /** Whether it asks Stripe again, or believes what the event says. */
  asksStripe: boolean;
};

/** As many as our server has. */
const CONNECTIONS = 20;

/** Starts it; says its port. */
export function forkEngine(order: Order): Promise<Forked<number>> {
  return forkFile(import.meta.filename, "stripe-sync-engine", order);
}

/**
 * Its tables. Its own runMigrations finds its files only when it was loaded as CommonJS, and tells
 * nobody otherwise.
 */
export async function migrateEngine(client: pg.Client): Promise<void> {
  const home = dirname(fileURLToPath(import.meta.resolve("@supabase/stripe-sync-engine")));
  const files = await readdir(join(home, "migrations"));
  await client.query("create schema stripe");
  for (const file of files.toSorted()) {
    await client.query(await readFile(join(home, "migrations", file), "utf8"));
  }
}

function listen({ databaseUrl, stripePort, asksStripe }: Order): Promise<number> {
  const sync = new StripeSync({
    stripeSecretKey: SECRET_KEY,
    stripeWebhookSecret: WEBHOOK_SECRET,
    poolConfig: { connectionString: databaseUrl, max: CONNECTIONS },
    ...(asksStripe ? { revalidateObjectsViaStripeApi: ["subscription"] } : {}),
  });
  // It has no setting for where Stripe is.
  sync.stripe = stripeAt(stripePort);
  const server = http.createServer((request, response) => {
    buffer(request)
      .then((body) => sync.processWebhook(body, String(request.headers["stripe-signature"])))
      .then(
        () => response.writeHead(200, { "content-length": 2 }).end("ok"),
        () => response.writeHead(500, { "content-length": 0 }).end(),
      );
  });
  return portOf(server);
}

if (import.meta.main) await obeyParent(listen);
