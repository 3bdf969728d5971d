import type { Stripe } from "stripe";

import type { Context } from "../context.ts";
import { invalidParameter, stateError } from "../errors.ts";
import { emit } from "../events.ts";
import { page, PAGE } from "../pagination.ts";
import * as p from "../params.ts";
import { periodEnd } from "../periods.ts";
import { route } from "../route.ts";
import { runDue } from "../schedule.ts";
import { newId } from "../store.ts";
import { removeCustomer } from "./customers.ts";
import { intervalOf } from "./periods_of.ts";
import { found, liveCustomer } from "./shared.ts";
import { customersOn, putOnClock } from "./test_clock_members.ts";

type TestClock = Stripe.TestHelpers.TestClock;

const URL = "/v1/test_helpers/test_clocks";
const LIFE = 30 * 86_400;
const CREATE = {
  required: { frozen_time: p.integer },
  optional: { name: p.text, customer: p.text },
};

/** The endpoints under /v1/test_helpers/test_clocks. */
export const testClockRoutes = [
  route("POST", URL, CREATE, (context, params) => {
    const clock: TestClock = {
      id: newId("clock"),
      object: "test_helpers.test_clock",
      created: context.account.now(),
      deletes_after: context.account.now() + LIFE,
      frozen_time: params.frozen_time,
      livemode: false,
      name: p.textOrNull(params.name),
      status: "ready",
      status_details: {},
    };
    const customer =
      params.customer === undefined
        ? undefined
        : liveCustomer(context.store, params.customer, "customer");
    context.store.testClocks.set(clock.id, clock);
    if (customer !== undefined) putOnClock(context, customer, clock.id);
    emit(context, "test_helpers.test_clock.created", clock);
    return clock;
  }),
  route("GET", `${URL}/:id`, {}, (context, _params, id) => clockWith(context, id)),
  route("GET", URL, { optional: PAGE }, (context, params) =>
    page(context.store.testClocks.values(), params, URL),
  ),
  route("DELETE", `${URL}/:id`, {}, (context, _params, id) => {
    const clock = clockWith(context, id);
    for (const customer of customersOn(context.store, id)) removeCustomer(context, customer.id);
    context.store.testClocks.delete(id);
    emit(context, "test_helpers.test_clock.deleted", clock);
    return { id, object: "test_helpers.test_clock", deleted: true };
  }),
  route("POST", `${URL}/:id/advance`, { required: { frozen_time: p.integer } }, advance),
];

function clockWith(context: Context, id: string): TestClock {
  return found(context.store.testClocks, "test clock", id);
}

/** Says where to; the way there is gone after the answer, and `ready` tells of the arrival. */
function advance(context: Context, params: { frozen_time: number }, id: string): TestClock {
  const clock = clockWith(context, id);
  if (clock.status === "internal_failure") {
    throw stateError("This test clock failed to advance and can only be deleted.");
  }
  const target = params.frozen_time;
  if (target <= clock.frozen_time) {
    throw invalidParameter("frozen_time", "Must be after the test clock's current frozen time.");
  }
  if (target > furthest(context, clock)) {
    throw invalidParameter(
      "frozen_time",
      "Cannot be more than two intervals of the shortest subscription, or two years, ahead.",
    );
  }
  clock.status = "advancing";
  clock.status_details = { advancing: { target_frozen_time: target } };
  emit(context, "test_helpers.test_clock.advancing", clock);
  context.later(finishAdvancing);
  return clock;
}

/** How far a clock may be advanced at once. */
function furthest({ store }: Context, clock: TestClock): number {
  const from = clock.frozen_time;
  const ends = [...store.subscriptions.values()]
    .filter((each) => each.test_clock === clock.id && each.ended_at === null)
    .flatMap((each) => each.items.data.map((item) => intervalOf(item.price)))
    .map((interval) => periodEnd(from, periodEnd(from, from, interval), interval));
  return ends.length > 0
    ? Math.min(...ends)
    : periodEnd(from, from, { interval: "year", interval_count: 2 });
}

/** Brings every clock that is on its way to where it was told to go. */
export function finishAdvancing(context: Context): void {
  for (const clock of context.store.testClocks.values()) {
    const target = clock.status_details.advancing?.target_frozen_time;
    if (clock.status === "advancing" && target !== undefined) arrive(context, clock, target);
  }
}

function arrive(context: Context, clock: TestClock, target: number): void {
  const from = clock.frozen_time;
  const frozen = { ...context, clock: { now: () => from } };
  clock.status_details = {};
  try {
    runDue(frozen, target, clock.id);
    clock.frozen_time = target;
    clock.status = "ready";
    emit(context, "test_helpers.test_clock.ready", clock);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
    clock.status = "internal_failure";
    emit(context, "test_helpers.test_clock.internal_failure", clock);
  }
}
