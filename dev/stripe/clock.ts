/** The emulator's own time, in unix seconds as Stripe counts it. It only ever moves forward. */
export type Clock = {
  now(): number;
  /** The same time in milliseconds. */
  nowMs(): number;
  /** Seconds by which this clock is ahead of real time. */
  offset(): number;
  setOffset(seconds: number): void;
};

/** A clock that runs with `realNow` (milliseconds) until it is moved ahead. */
export function makeClock(realNow: () => number = Date.now): Clock {
  let ahead = 0;
  const nowMs = () => realNow() + ahead * 1000;
  return {
    now: () => Math.floor(nowMs() / 1000),
    nowMs,
    offset: () => ahead,
    setOffset: (seconds) => {
      ahead = seconds;
    },
  };
}
