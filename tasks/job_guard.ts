import { isValidTask, type JobHelpers, type Task, type TaskList } from "graphile-worker";
import Stripe from "stripe";

import { messageOf } from "../server/connection_error.ts";
import { heldBackFor, isKeyRefused, PAUSED } from "./stripe_gate.ts";

/** How long a job is put off whose call Stripe refused; the others are by the gate. */
const REFUSED_SECONDS = 60;

/**
 * The same tasks, with what holds for whichever of them calls Stripe. An attempt that came to
 * nothing because no call may be made does not count. One that used an idempotency key for something
 * else would be refused for ever: it is the last, and the operator is told.
 */
export function guardTasks(tasks: TaskList): TaskList {
  const guarded: TaskList = {};
  for (const [name, task] of Object.entries<unknown>(tasks)) {
    if (isValidTask<string>(task)) guarded[name] = guard(name, task);
  }
  return guarded;
}

function guard(name: string, task: Task<string>): Task<string> {
  return async function run(payload, helpers) {
    try {
      return await task(payload, helpers);
    } catch (error) {
      await settle(name, error, helpers);
      // Named as what it is, so that resuming finds this job among the others that wait.
      if (isKeyRefused(error)) throw new Error(`${PAUSED}. ${messageOf(error)}`, { cause: error });
      throw error;
    }
  };
}

/** Whether a job failed with this only because it has to wait: nothing to be told of. */
export function isWaiting(error: unknown): boolean {
  return heldBackFor(error) !== undefined;
}

async function settle(task: string, error: unknown, { job, query }: JobHelpers): Promise<void> {
  const seconds = heldBackFor(error) ?? (isKeyRefused(error) ? REFUSED_SECONDS : undefined);
  if (seconds !== undefined) {
    await query("select app_private.postpone_job($1, $2)", [job.id, Math.ceil(seconds)]);
  } else if (error instanceof Stripe.errors.StripeIdempotencyError) {
    await query("select app_private.give_up_job($1), app_private.raise_alarm($2, $3, $4, $5)", [
      job.id,
      "stripe_key_mismatch",
      job.key ?? `${task}:${job.id}`,
      `Stripe refused job ${job.id} (${task}): its idempotency key was used with other parameters.`,
      JSON.stringify({ job_id: job.id, request_id: error.requestId }),
    ]);
  }
}
