import { setTimeout as delay } from "node:timers/promises";

/** Asks until the answer is truthy and returns it; rejects when the deadline has passed. */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 5_000, everyMs = 10 }: { deadlineMs?: number; everyMs?: number } = {},
): Promise<NonNullable<T>> {
  for (const end = Date.now() + deadlineMs; ; await delay(everyMs)) {
    const answer = await condition();
    if (answer) return answer;
    if (Date.now() >= end) {
      throw new Error(`Waited ${deadlineMs} ms in vain for: ${condition.toString()}`);
    }
  }
}
