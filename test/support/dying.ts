/** The process that dies between any two steps of a task, without a process. */
import type { JobHelpers } from "graphile-worker";
import type Stripe from "stripe";

import type { Workshop } from "./tasks.ts";

class Died extends Error {}

type Mortal = <A extends unknown[], R>(call: (...args: A) => R) => (...args: A) => R;

/** Runs `work` until the process dies, `point` half steps on; false when it got through. */
export async function diesAt(
  { options, pool }: Workshop,
  point: number,
  work: (stripe: Stripe, helpers: JobHelpers) => unknown,
): Promise<boolean> {
  let left = point;
  const live = () => {
    left -= 1;
    if (left < 0) throw new Died();
  };
  const mortal: Mortal =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      live();
      const answer = call(...args);
      // A list is read page by page; it changes nothing, so that its end is no step.
      if (!(answer instanceof Promise) || "autoPagingToArray" in answer) return answer;
      const survived = answer.then((value: unknown) => {
        live();
        return value;
      });
      // Of calls made at once, the first that dies is the one that is heard.
      survived.catch(() => undefined);
      return survived as R;
    };
  const query = mortal((sql: string, values?: unknown[]) => pool.query(sql, values));
  const helpers = { query, logger: { warn() {}, error() {}, info() {} } };
  try {
    await work(withMortalCalls(options.stripe, mortal), helpers as unknown as JobHelpers);
    return false;
  } catch (error) {
    if (error instanceof Died) return true;
    throw error;
  }
}

/** The client, whose every method is one that the process may die in. */
function withMortalCalls<T extends object>(target: T, mortal: Mortal): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value === "function") return mortal(value.bind(target));
      const isPart = typeof value === "object" && value !== null;
      return isPart ? withMortalCalls(value, mortal) : value;
    },
  });
}
