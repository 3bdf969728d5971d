/** Two workers write what they fetched: real connections, in both orders, and at the same time. */
import { DAY, EPOCH, record, standing, subscription, tieCustomer } from "../../support/billing.ts";
import { expect, withClient, type TestDatabase } from "../../support/index.ts";
import { test } from "../../support/committed.ts";
import { waitForLock } from "../../support/locks.ts";

const older = subscription({ status: "past_due", past_due_since: EPOCH });
const newer = subscription({ status: "active", current_period_end: EPOCH + 60 * DAY });

function onConnection<T>(
  { urls }: TestDatabase,
  work: Parameters<typeof withClient<T>>[1],
): Promise<T> {
  return withClient(urls.worker, async (client) => {
    await client.query("set role app_worker");
    return work(client);
  });
}

test.for([
  { name: "the older waits for the newer", first: newer, seqs: [2, 1], answer: "stale" },
  { name: "the newer waits for the older", first: older, seqs: [1, 2], answer: "recorded" },
])(
  "S17: $name and the newer stays",
  async ({ first, seqs: [one = 0, two = 0], answer }, { database, cast }) => {
    const customer = `cus_${answer}`;
    const tenantId = answer === "stale" ? cast.acme : cast.globex;
    const second = first === newer ? older : newer;
    await withClient(database.urls.superuser, (client) => tieCustomer(client, tenantId, customer));
    let waiting: Promise<string> | undefined;
    await onConnection(database, async (client) => {
      await client.query("begin");
      await record(client, { customer, seq: one, subscriptions: [first] });
      waiting = onConnection(database, (other) =>
        record(other, { customer, seq: two, subscriptions: [second] }),
      );
      await withClient(database.urls.superuser, (watcher) => waitForLock(watcher));
      await client.query("commit");
    });
    expect(await waiting).toBe(answer);
    await withClient(database.urls.superuser, async (client) => {
      expect(await standing(client, tenantId)).toMatchObject({
        status: "active",
        current_period_end: new Date((EPOCH + 60 * DAY) * 1000),
        grace_ends_at: null,
      });
    });
  },
);
