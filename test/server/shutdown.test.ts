import { once } from "node:events";
import { connect } from "node:net";

import { expect, test, waitUntil, withClient } from "../support/index.ts";
import { foundOpenTenant } from "../support/quiet_system.ts";
import { withSystem } from "../support/system.ts";

test("a request in flight is answered when the server is told to stop, and nobody new is let in", async ({
  database,
}) => {
  await withClient(database.urls.superuser, async (admin) => {
    const inFlight = Promise.withResolvers<{ url: string; answer: Promise<unknown> }>();
    const stopped = withSystem(database, { worker: false }, async (system) => {
      const alice = await foundOpenTenant(system, admin, { name: "Acme", person: "Alice" });
      await admin.query("begin; lock table app_public.projects in access exclusive mode");
      const answer = alice.ask("query { projects { totalCount } }");
      await waitUntil(() => isWaitingForLock(database.urls.superuser));
      inFlight.resolve({ url: system.url, answer });
    });
    stopped.catch(inFlight.reject);
    const { url, answer } = await inFlight.promise;
    const { port } = new URL(url);
    await waitUntil(async () => !(await isListening(Number(port))));

    await admin.query("commit");
    expect(await answer).toEqual({
      status: 200,
      errors: [],
      data: { projects: { totalCount: 0 } },
    });
    // Its connection would have been kept alive for the next request; there is none to wait for.
    const answeredAt = performance.now();
    await stopped;
    expect(performance.now() - answeredAt).toBeLessThan(2_000);
    // A backend takes a moment to notice that its client has left.
    await waitUntil(async () => {
      const { rows } = await admin.query(
        "select from pg_stat_activity where datname = $1 and usename = 'rowhouse_server'",
        [database.name],
      );
      return rows.length === 0;
    });
  });
});

async function isWaitingForLock(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'rowhouse_server'",
    );
    return rows.length > 0;
  });
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
