/** Many tenants on a few connections, with trouble in between: every answer is their own. */
import type pg from "pg";
import { pino } from "pino";

import { codeOf } from "../../server/connection_error.ts";
import { makePool } from "../../server/database.ts";
import { TENANT_SETTINGS } from "../../server/tenant_statements.ts";
import { doorsOf, type Door } from "./doors.ts";
import { WORKS, type Work } from "./kinds.ts";
import type { Random } from "./random.ts";
import { ANSWERED, type Tally } from "./tally.ts";
import { foreignIn, type Crowd, type Lodger } from "./tenants.ts";
import { makeTrouble } from "./trouble.ts";

export const POOL_SIZE = 5;
const APPLICATION = "rowhouse-attack";
const OBJECT = `a pool of ${POOL_SIZE}`;

/** What trouble from the side does to whoever is there. */
const STRUCK: ReadonlySet<string> = new Set(["57014", "57P01", "08006", "ECONNRESET", "EPIPE"]);
const LOST = /terminated|not queryable|Connection ended|connection was lost/i;

type Siege = { crowd: Crowd; doors: readonly Door[]; pool: pg.Pool; random: Random; tally: Tally };

export type PoolOptions = {
  requests: number;
  random: Random;
  tally: Tally;
  /** The ways to the database; ours unless it says. */
  open?: (pool: pg.Pool) => Promise<readonly Door[]>;
};

/** Sends so many requests, of all tenants at once. */
export async function besiegePool(
  serverUrl: string,
  crowd: Crowd,
  { requests, random, tally, open = doorsOf }: PoolOptions,
): Promise<void> {
  const pool = makePool({
    connectionString: serverUrl,
    applicationName: APPLICATION,
    // Lost connections are what this is about.
    logger: pino({ level: "silent" }),
    pipeline: true,
    max: POOL_SIZE,
  });
  try {
    const siege: Siege = { crowd, doors: await open(pool), pool, random, tally };
    const trouble = await makeTrouble(serverUrl, APPLICATION, random);
    let left = requests;
    async function press(lodger: Lodger): Promise<void> {
      while (left > 0) {
        left -= 1;
        await request(siege, lodger, left);
      }
    }
    await Promise.all(crowd.lodgers.map(press));
    const { cancelled, killed } = await trouble.stop();
    tally.count(strikes("cancel statements from the side"), cancelled > 0 ? ANSWERED : "missed");
    tally.count(strikes("kill connections from the side"), killed > 0 ? ANSWERED : "missed");
    for (let n = 0; n < POOL_SIZE; n += 1) await inspect(siege, POOL_SIZE);
  } finally {
    await pool.end();
  }
}

function strikes(verb: string) {
  return { object: OBJECT, verb, mustAnswer: true };
}

async function request(siege: Siege, lodger: Lodger, n: number): Promise<void> {
  const { random, doors, crowd } = siege;
  const chance = random.below(100);
  if (chance < 2) return inspect(siege, 1);
  if (chance < 5) return trespass(siege, random.of(doors), lodger, random.of(crowd.lodgers));
  const door = random.of(doors);
  await work(siege, door, lodger, choose(random, door), n);
}

function choose(random: Random, door: Door): Work {
  const open = WORKS.filter(({ isMischief }) => door.takesMischief || isMischief !== true);
  let chance = random.below(open.reduce((sum, { share }) => sum + share, 0));
  return open.find(({ share }) => (chance -= share) < 0) ?? random.of(open);
}

/** One request in one's own name. */
async function work(
  { crowd, tally }: Siege,
  door: Door,
  lodger: Lodger,
  { verb, code, run }: Work,
  n: number,
): Promise<void> {
  const kind = { object: `${OBJECT}, ${door.name}`, verb, mustAnswer: code === undefined };
  try {
    const answer = JSON.stringify(await door.enter(lodger, (send) => run(send, lodger.canary, n)));
    const foreign = foreignIn(answer, lodger, crowd);
    const fault =
      foreign !== undefined
        ? `${lodger.canary} was answered with ${foreign}`
        : code !== undefined
          ? "It was done, though it can't be."
          : verb.startsWith("read") && verb !== "read the log" && !answer.includes(lodger.canary)
            ? `${lodger.canary} did not see its own rows: ${answer.slice(0, 200)}`
            : undefined;
    tally.count(kind, ANSWERED, fault);
  } catch (error) {
    tally.count(kind, resultOf(error), faultOf(error, code, lodger, crowd));
  }
}

/** One request for a tenant that is somebody else's. */
async function trespass(
  { tally }: Siege,
  door: Door,
  { userId, tenantId: own }: Lodger,
  { tenantId }: Lodger,
): Promise<void> {
  if (tenantId === own) return;
  const kind = { object: `${OBJECT}, ${door.name}`, verb: "enter another's", mustAnswer: false };
  try {
    await door.enter({ userId, tenantId }, (send) => send("select from app_public.tenants"));
    tally.count(kind, ANSWERED, "The door was open.");
  } catch (error) {
    tally.count(
      kind,
      resultOf(error),
      isStruck(error) || codeOf(error) === "TNFND" ? undefined : String(error),
    );
  }
}

const STATE = `
  select current_user::text as user, pg_catalog.current_setting('role') as role, (
      select pg_catalog.string_agg(pg_catalog.current_setting(setting, true), '')
      from pg_catalog.unnest($1::text[]) as setting
    ) as settings,
    (select count(*)::integer from pg_catalog.pg_cursors where is_holdable) as cursors`;

/** Borrows connections as the next user would, and looks for what the last one left on them. */
async function inspect({ pool, tally }: Siege, count: number): Promise<void> {
  const kind = { object: OBJECT, verb: "look for what the last user left", mustAnswer: true };
  const lent = await Promise.allSettled(Array.from({ length: count }, () => pool.connect()));
  for (const one of lent) {
    if (one.status === "rejected") {
      tally.count(kind, resultOf(one.reason));
      continue;
    }
    const client = one.value;
    try {
      const isIdle = client.getTransactionStatus() === "I";
      const { rows } = await client.query(STATE, [[...TENANT_SETTINGS]]);
      const { role, settings, cursors } = rows[0] ?? {};
      const isClean = isIdle && role === "none" && (settings ?? "") === "" && cursors === 0;
      tally.count(kind, ANSWERED, isClean ? undefined : `Left: ${JSON.stringify(rows[0])}`);
      client.release();
    } catch (error) {
      tally.count(kind, resultOf(error), isStruck(error) ? undefined : String(error));
      client.release(true);
    }
  }
}

function faultOf(
  error: unknown,
  expected: string | undefined,
  lodger: Lodger,
  crowd: Crowd,
): string | undefined {
  const text = JSON.stringify(error) + String(error);
  const foreign = foreignIn(text, lodger, crowd);
  if (foreign !== undefined) return `The error tells ${foreign}: ${text}`;
  const isExpected = expected !== undefined && codeOf(error) === expected;
  if (isStruck(error) || isExpected) return undefined;
  return `It failed: ${String(error)}`;
}

function isStruck(error: unknown): boolean {
  return STRUCK.has(codeOf(error) ?? "") || LOST.test(String(error));
}

function resultOf(error: unknown): string {
  return LOST.test(String(error)) ? "cut off" : (codeOf(error) ?? "failed");
}
