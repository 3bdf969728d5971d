import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, stateError } from "../errors.ts";
import { change, emit } from "../events.ts";
import { list, page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { route } from "../route.ts";
import { newId, randomText } from "../store.ts";
import { found } from "./shared.ts";
import { usageIn } from "./usage.ts";

type Meter = Stripe.Billing.Meter;

const URL = "/v1/billing/meters";
const OLDEST = 35 * 86_400;
const NEWEST = 300;
const key = p.shape({ event_payload_key: p.text }, {});
const CREATE = {
  required: {
    default_aggregation: p.shape({ formula: p.oneOf("count", "last", "sum") }, {}),
    display_name: p.text,
    event_name: p.text,
  },
  optional: {
    customer_mapping: p.shape({ event_payload_key: p.text, type: p.oneOf("by_id") }, {}),
    event_time_window: p.oneOf("day", "hour"),
    value_settings: key,
  },
};
type Create = p.Decoded<typeof CREATE.required, typeof CREATE.optional>;
const EVENT = {
  required: { event_name: p.text, payload: p.metadata },
  optional: { identifier: p.text, timestamp: p.integer },
};
type Event = p.Decoded<typeof EVENT.required, typeof EVENT.optional>;
const SUMMARY = {
  required: { customer: p.text, end_time: p.integer, start_time: p.integer },
  optional: PAGE,
};

/** The endpoints of billing meters and their events. */
export const meterRoutes = [
  route("POST", URL, CREATE, create),
  route("GET", `${URL}/:id`, {}, (context, _params, id) => meterWith(context, id)),
  route("POST", `${URL}/:id`, { optional: { display_name: p.text } }, (context, params, id) => {
    const meter = meterWith(context, id);
    change(context, "billing.meter.updated", meter, () => {
      meter.display_name = params.display_name ?? meter.display_name;
    });
    return meter;
  }),
  route("POST", `${URL}/:id/deactivate`, {}, (context, _params, id) => {
    const meter = meterWith(context, id);
    meter.status = "inactive";
    meter.status_transitions.deactivated_at = context.clock.now();
    emit(context, "billing.meter.deactivated", meter);
    return meter;
  }),
  route("POST", `${URL}/:id/reactivate`, {}, (context, _params, id) => {
    const meter = meterWith(context, id);
    meter.status = "active";
    meter.status_transitions.deactivated_at = null;
    emit(context, "billing.meter.reactivated", meter);
    return meter;
  }),
  route("GET", `${URL}/:id/event_summaries`, SUMMARY, (context, params, id) => {
    const period = { start: params.start_time, end: params.end_time };
    const summary: Stripe.Billing.MeterEventSummary = {
      id: newId("mtrusg"),
      object: "billing.meter_event_summary",
      aggregated_value: usageIn(context.store, meterWith(context, id), params.customer, period),
      end_time: period.end,
      livemode: false,
      meter: id,
      start_time: period.start,
    };
    return list([summary], false, `${URL}/${id}/event_summaries`);
  }),
  route(
    "GET",
    URL,
    { optional: { ...PAGE, status: p.oneOf("active", "inactive") } },
    (context, params) => {
      const rows = [...context.store.meters.values()].filter(
        (row) => params.status === undefined || row.status === params.status,
      );
      return page(rows, params, URL);
    },
  ),
  route("POST", "/v1/billing/meter_events", EVENT, record),
];

function meterWith(context: Context, id: string): Meter {
  return found(context.store.meters, "meter", id);
}

function create(context: Context, params: Create): Meter {
  const { meters } = context.store;
  const isTaken = [...meters.values()].some(
    (each) => each.status === "active" && each.event_name === params.event_name,
  );
  if (isTaken) {
    throw stateError(`There is already an active meter with the event name ${params.event_name}.`);
  }
  const now = context.clock.now();
  const meter: Meter = {
    id: newId("mtr"),
    object: "billing.meter",
    created: now,
    customer_mapping: params.customer_mapping ?? {
      event_payload_key: "stripe_customer_id",
      type: "by_id",
    },
    default_aggregation: params.default_aggregation,
    display_name: params.display_name,
    event_name: params.event_name,
    event_time_window: params.event_time_window ?? null,
    livemode: false,
    status: "active",
    status_transitions: { deactivated_at: null },
    updated: now,
    value_settings: params.value_settings ?? { event_payload_key: "value" },
  };
  meters.set(meter.id, meter);
  emit(context, "billing.meter.created", meter);
  return meter;
}

/** Takes an event down. What is wrong with its payload is found out later, and not told here. */
function record(context: Context, params: Event): Stripe.Billing.MeterEvent {
  const { meterEvents } = context.store;
  const now = context.clock.now();
  const timestamp = params.timestamp ?? now;
  if (timestamp < now - OLDEST || timestamp > now + NEWEST) {
    throw invalidParameter(
      "timestamp",
      "The timestamp must be within the past 35 calendar days or up to 5 minutes in the future.",
    );
  }
  const identifier = params.identifier ?? randomText(32);
  if (meterEvents.has(identifier)) {
    throw invalidParameter("identifier", `An event already exists with identifier ${identifier}.`);
  }
  const event: Stripe.Billing.MeterEvent = {
    object: "billing.meter_event",
    created: now,
    event_name: params.event_name,
    identifier,
    livemode: false,
    payload: params.payload ?? {},
    timestamp,
  };
  meterEvents.set(identifier, event);
  return event;
}
