/** What `npm run events -- list` can be asked for. */
import { ConfigError } from "../server/config.ts";

export const STATUSES = [
  "pending",
  "processed",
  "ignored",
  "ignored_mode",
  "foreign",
  "failed",
  "dismissed",
] as const;

const MILLISECONDS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function statusFrom(text: string | undefined): string | undefined {
  if (text !== undefined && !STATUSES.some((status) => status === text)) {
    throw new ConfigError(`No event is ever "${text}": it is ${STATUSES.join(", ")}`);
  }
  return text;
}

/** A moment: so many minutes, hours or days before `now`, or a date. */
export function sinceFrom(text: string | undefined, now = new Date()): Date | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const moment =
    count === undefined
      ? new Date(/^\d{4}-\d{2}-\d{2}/.test(text) ? text : NaN)
      : new Date(now.getTime() - Number(count) * (MILLISECONDS[unit] ?? NaN));
  if (Number.isNaN(moment.getTime())) {
    throw new ConfigError(`--since must be like 90m, 24h, 7d or 2026-11-01, not "${text}"`);
  }
  return moment;
}
