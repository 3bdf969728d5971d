/** The inbox of webhook events, as its door and its readers see it. */
import type pg from "pg";

import { rowsOf } from "./query.ts";

export type Received = {
  id?: string;
  type?: string;
  objectType?: string | null;
  objectId?: string | null;
  customer?: string | null;
  account?: string | null;
  livemode?: boolean;
  ourAccount?: string | null;
  payload?: string;
};

/** Drops an event as the HTTP process does it: by its login, before it becomes anybody. */
export async function receive(db: pg.Client, event: Received = {}): Promise<string> {
  await db.query("set local session authorization rowhouse_server");
  const [kept] = await rowsOf<{ event_status: string }>(
    db,
    `select event_status from app_private.receive_stripe_events(
      $1, false, array[$2], array[$3], array[$4], array[$5], array[$6], array[$7],
      array[$8::boolean], array['2026-10-28.endive'], array[extract(epoch from now())],
      array[$9::json]
    )`,
    [
      event.ourAccount ?? null,
      event.id ?? "evt_1",
      event.type ?? "invoice.paid",
      event.objectType ?? null,
      event.objectId ?? null,
      event.customer === undefined ? "cus_1" : event.customer,
      event.account ?? null,
      event.livemode ?? false,
      event.payload ?? '{"a": 1}',
    ],
  );
  await db.query("reset session authorization");
  return kept?.event_status ?? "duplicate";
}

export type KeptEvent = { id: string; customer_id: string | null; status: string };

export function keptEvents(db: Pick<pg.ClientBase, "query">): Promise<KeptEvent[]> {
  return rowsOf<KeptEvent>(
    db,
    "select id, customer_id, status from app_private.stripe_events order by id",
  );
}

export type Booked = { task: string; payload: unknown; key: string | null };

/** Every job there is, in the order it was booked. */
export function bookedJobs(db: Pick<pg.ClientBase, "query">): Promise<Booked[]> {
  return rowsOf<Booked>(
    db,
    `select identifier as task, payload, key from graphile_worker._private_jobs as jobs
    join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id order by jobs.id`,
  );
}

export type OpenAlarm = { kind: string; subject: string; times: number };

export function openAlarms(db: Pick<pg.ClientBase, "query">): Promise<OpenAlarm[]> {
  return rowsOf<OpenAlarm>(
    db,
    `select kind, subject, times from app_private.alarms
    where resolved_at is null order by kind, subject`,
  );
}
