/** Hears from the database, at the commit, that an event is processed or a tenant's row changed. */
import type pg from "pg";

import type { BenchDatabase } from "./database.ts";
import { connect } from "./database.ts";

/** How long something may take before the benchmark gives up. */
const PATIENCE_MS = 120_000;

export type Told = AsyncDisposable & {
  /** When the event with this id is processed, or the row of the tenant with this id shows it. */
  when(id: string): Promise<number>;
};

/** Made when the processes run: their audit would not have such triggers. */
export async function openTold({ urls }: BenchDatabase): Promise<Told> {
  const client = await connect(urls.superuser);
  await createTriggers(client);
  const waiting = new Map<string, (at: number) => void>();
  client.on("notification", ({ payload = "" }) => {
    waiting.get(payload)?.(performance.now());
    waiting.delete(payload);
  });
  return {
    when(id) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const timer = setTimeout(() => reject(new Error(`Nothing is told of ${id}`)), PATIENCE_MS);
      waiting.set(id, (at) => {
        clearTimeout(timer);
        resolve(at);
      });
      return promise;
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

async function createTriggers(client: pg.Client): Promise<void> {
  await client.query(`
    create function app_private.bench_tell() returns trigger language plpgsql as $$
    begin
      perform pg_notify('bench', new.id::text);
      return null;
    end;
    $$;
    create trigger bench_tell after update on app_private.stripe_events
      for each row when (new.status = 'processed' and old.status <> 'processed')
      execute function app_private.bench_tell();
    create trigger bench_tell after update on app_public.tenants
      for each row when (new.cancel_at is distinct from old.cancel_at)
      execute function app_private.bench_tell();
    listen bench`);
}
