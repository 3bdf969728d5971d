/** An event into the inbox by SQL: with all that is done about it, or as a row and nothing else. */
import type pg from "pg";

import { hintOf } from "../server/stripe_event_hint.ts";
import { keepEvents } from "../server/stripe_inbox.ts";

type Database = Pick<pg.ClientBase, "query">;

/** Of these, the row of an event that waits is made. */
const COLUMNS =
  "id, type, object_type, object_id, customer_id, account_id, livemode, api_version, created_at, " +
  "payload, status, received_seq";

/** The row that receive_stripe_events makes: the same table, indexes and constraints, no job. */
const BARE_INSERT = {
  name: "bare_insert",
  text: `insert into app_private.stripe_events (${COLUMNS}) values (
    $1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9::double precision), $10, 'pending',
    nextval('app_private.stripe_sync_seq')
  )`,
};

/** What the server does about an event that comes alone and is well signed, by its own code. */
export async function receive(database: Database, payload: string): Promise<void> {
  const ours = { livemode: false, accountId: undefined };
  const [status] = await keepEvents(database, [{ hint: hintIn(payload), payload }], ours);
  if (status !== "pending") throw new Error(`The event is ${status}`);
}

/** The baseline. For a role that policies don't hold back. */
export async function insertBare(database: Database, payload: string): Promise<void> {
  const hint = hintIn(payload);
  const { id, type, objectType, objectId, customerId, accountId } = hint;
  const values = [id, type, objectType, objectId, customerId, accountId];
  await database.query({
    ...BARE_INSERT,
    values: [...values, hint.livemode, hint.apiVersion, hint.created, payload],
  });
}

function hintIn(payload: string) {
  const hint = hintOf(JSON.parse(payload));
  if (hint === undefined) throw new Error("This is not an event");
  return hint;
}
