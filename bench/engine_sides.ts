/** The sides of `engine`: each takes signed webhooks, and is looked at afterwards. */
import { connect, type BenchDatabase } from "./database.ts";
import { forkEngine, migrateEngine } from "./engine_process.ts";
import { withConnections } from "./load.ts";
import type { Payers } from "./payers.ts";
import { productionConfig } from "./production_config.ts";
import { rateOf } from "./rate.ts";
import { forkServer } from "./server_process.ts";
import { NOTHING_PENDING, until } from "./until.ts";
import { forkWorker } from "./worker_process.ts";

const CONNECTIONS = 16;

/** Events a second, and how many subscriptions are not known as they are. */
export type Handled = { answered: number; applied: number; wrong: number; refused: number };
export type Side = {
  name: string;
  rounds: Handled[];
  handle(requests: readonly Buffer[]): Promise<Handled>;
};
type Given = { stripe: Payers; stack: AsyncDisposableStack };

/** The real server and worker. */
export async function ourSide(
  { urls }: BenchDatabase,
  { stripe: { stripePort, payers }, stack }: Given,
): Promise<Side> {
  const client = stack.use(await connect(urls.superuser));
  const config = await productionConfig(urls.server);
  stack.use(await forkServer({ kind: "ours", config }));
  stack.use(await forkWorker({ kind: "ours", databaseUrl: urls.worker, stripePort }));
  const post = poster(config.port);
  return {
    name: "Rowhouse",
    rounds: [],
    async handle(requests) {
      await client.query("truncate app_private.stripe_events");
      await client.query("delete from app_private.stripe_subscriptions");
      await client.query("update app_public.tenants set cancel_at = null");
      const startedAt = performance.now();
      const { answered, refused } = await post(requests);
      const ms = await until(client, NOTHING_PENDING, startedAt);
      const { rows } = await client.query<{ wrong: number }>(
        `select count(*)::integer as wrong
        from unnest($1::uuid[]) with ordinality as known (id, number)
        left join app_public.tenants on tenants.id = known.id
        where (tenants.cancel_at is not null) is distinct from (known.number % 2 = 1)`,
        [payers.map(({ tenantId }) => tenantId)],
      );
      const applied = (requests.length * 1000) / ms;
      return { answered, refused, applied, wrong: rows[0]?.wrong ?? payers.length };
    },
  };
}

/** The engine, which has done everything when it answers. */
export async function engineSide(
  { urls }: BenchDatabase,
  { stripe: { stripePort, payers }, stack, asksStripe }: Given & { asksStripe: boolean },
): Promise<Side> {
  const client = stack.use(await connect(urls.superuser));
  await migrateEngine(client);
  const order = { databaseUrl: urls.superuser, stripePort, asksStripe };
  const engine = stack.use(await forkEngine(order));
  const post = poster(engine.ready);
  return {
    name: asksStripe ? "it asks Stripe" : "it believes events",
    rounds: [],
    async handle(requests) {
      await client.query("truncate stripe.subscriptions, stripe.subscription_items");
      const { answered, refused } = await post(requests);
      const { rows } = await client.query<{ wrong: number }>(
        `select count(*)::integer as wrong
        from unnest($1::text[]) with ordinality as known (id, number)
        left join stripe.subscriptions on subscriptions.id = known.id
        where subscriptions.cancel_at_period_end is distinct from (known.number % 2 = 1)`,
        [payers.map(({ subscription }) => subscription)],
      );
      return { answered, refused, applied: answered, wrong: rows[0]?.wrong ?? payers.length };
    },
  };
}

function poster(port: number) {
  return async function post(requests: readonly Buffer[]) {
    let refused = 0;
    const answered = await withConnections(port, CONNECTIONS, (connections) =>
      rateOf(
        requests,
        connections.map(({ ask }) => async (request: Buffer) => {
          await ask(request).catch(() => {
            refused += 1;
          });
        }),
      ),
    );
    return { answered, refused };
  };
}
