import type { Stripe } from "stripe";

/** The interval of a recurring price. */
export type Interval = Pick<Stripe.Price.Recurring, "interval" | "interval_count">;

const DAY = 86_400;

/** The end of the period that holds `start`, on the grid that `anchor` lays (unix seconds). */
export function periodEnd(anchor: number, start: number, interval: Interval): number {
  const shortest = interval.interval === "month" ? 28 * DAY : DAY;
  const tooMany = Math.ceil((start - anchor) / (shortest * interval.interval_count)) + 2;
  for (let count = 1; count <= tooMany; count += 1) {
    const end = step(anchor, count, interval);
    if (end > start) return end;
  }
  throw new Error(`no end of a period after ${start} from ${anchor}`);
}

/** The period that holds `at`, on the grid that `anchor` lays, before the anchor too. */
export function periodAround(
  anchor: number,
  at: number,
  interval: Interval,
): { start: number; end: number } {
  let count = 0;
  while (step(anchor, count, interval) > at) count -= 1;
  while (step(anchor, count + 1, interval) <= at) count += 1;
  return { start: step(anchor, count, interval), end: step(anchor, count + 1, interval) };
}

function step(anchor: number, count: number, { interval, interval_count }: Interval): number {
  const units = count * interval_count;
  switch (interval) {
    case "day":
      return anchor + units * DAY;
    case "week":
      return anchor + units * 7 * DAY;
    case "year":
      return addMonths(anchor, units * 12);
    case "month":
    default:
      return addMonths(anchor, units);
  }
}

/** The same day of a later month, or that month's last day if it is shorter. */
function addMonths(seconds: number, months: number): number {
  const date = new Date(seconds * 1000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0));
  date.setUTCDate(Math.min(day, lastDay.getUTCDate()));
  return date.getTime() / 1000;
}
