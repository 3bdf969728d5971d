/** Several servers are sent the same events at once, each in another order and company. */
import fc from "fast-check";
import { pino } from "pino";

import { makePool } from "../../../server/database.ts";
import { hintOf } from "../../../server/stripe_event_hint.ts";
import { keepEvents, type ReceivedEvent } from "../../../server/stripe_inbox.ts";
import { expect, type TestDatabase } from "../../support/index.ts";
import { test } from "../../support/committed.ts";
import { rowsOf } from "../../support/query.ts";
import { openAlarms } from "../../support/inbox.ts";
import { makeEvent } from "../../support/webhooks.ts";

const OURS = { livemode: false, accountId: undefined };
const SERVERS = 6;

/** What each of several servers was told of its events, all sent at once on connections of its own. */
async function keepAtOnce(
  { urls }: TestDatabase,
  shares: readonly (readonly ReceivedEvent[])[],
): Promise<{ id: string; status: string | undefined }[]> {
  const pool = makePool({
    connectionString: urls.server,
    applicationName: "test-servers",
    logger: pino({ level: "silent" }),
    max: shares.length,
  });
  try {
    const said = await Promise.all(
      shares.map(async (events) => {
        const statuses = await keepEvents(pool, events, OURS);
        return events.map(({ hint }, index) => ({ id: hint.id, status: statuses[index] }));
      }),
    );
    return said.flat();
  } finally {
    await pool.end();
  }
}

function received(event: object): ReceivedEvent {
  const hint = hintOf(event);
  if (hint === undefined) throw new Error("Not an event");
  return { hint, payload: JSON.stringify(event) };
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const [order = []] = fc.sample(fc.shuffledSubarray([...items], { minLength: items.length }), {
    numRuns: 1,
    seed,
  });
  return order;
}

test("S1: none waits for another in a circle, and each event is pending or ignored once", async ({
  database,
  admin,
}) => {
  for (let round = 0; round < 12; round += 1) {
    // Every third is of the other mode, so that all servers raise the same alarm too.
    const events = Array.from({ length: 30 }, (_, index) =>
      received(makeEvent({ livemode: index % 3 === 0 })),
    );
    // Half of them each, so that one may begin where another ends; the first takes all.
    const shares = Array.from({ length: SERVERS }, (_, server) =>
      shuffled(events, round * SERVERS + server).slice(0, server === 0 ? 30 : 15),
    );
    const said = await keepAtOnce(database, shares);
    const news = said.filter(({ status }) => status !== "duplicate").map(({ id }) => id);
    const ids = events.map(({ hint }) => hint.id);
    expect(news.toSorted()).toEqual(ids.toSorted());
    expect(
      await rowsOf(
        admin,
        `select events.id from app_private.stripe_events as events
        left join graphile_worker._private_jobs as jobs on jobs.key = 'stripe_event:' || events.id
        where events.id = any ($1) and (jobs.id is not null) = (events.status = 'pending')`,
        [ids],
      ),
    ).toHaveLength(events.length);
  }
  expect(await openAlarms(admin)).toMatchObject([{ kind: "stripe_mode_mismatch", times: 120 }]);
});
