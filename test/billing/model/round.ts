/** One round: some tenants live through a plan, then all is quiet, and everything must be true. */
import { signUp, type Person } from "../../support/client.ts";
import { rowsOf } from "../../support/query.ts";
import { perform, shownTenant, type History } from "./deeds.ts";
import { happen, quieten } from "./happenings.ts";
import { planOf, type Beat } from "./plan.ts";
import { judge } from "./truth.ts";
import type { World } from "./world.ts";

export type Figures = { histories: number; deeds: number; kills: number; events: number };

const PLANS = ["starter", "pro", "enterprise"];

/** Lives through the plan of `seed`, and rejects with what is not as it must be. */
export async function playRound(world: World, seed: number, histories: number): Promise<Figures> {
  const plan = planOf(seed, histories);
  await world.renewStripe();
  await world.processes.ready();
  const person = await signUp(world.url, "Alice");
  const lives = Array.from({ length: histories }, (_, number) => lifeOf(person, seed, number));
  await world.control("chaos", plan.chaos);
  for (const beat of plan.beats) {
    // oxlint-disable-next-line no-await-in-loop -- beats follow each other.
    await live(world, lives, beat);
  }
  await quieten(world, (plan.chaos["drop_forever"] ?? 0) > 0);

  const faults = (await Promise.all(lives.map((life) => faultsOf(world, life)))).flat();
  faults.push(...(await faultsOfInbox(world)));
  if (faults.length > 0) {
    const story = plan.beats.map((beat) => JSON.stringify(beat)).join("\n");
    throw new Error(
      `${faults.join("\n\n")}\n\nThe plan:\n${story}\n\n` +
        `Again: npm run torture -- --seed ${seed} --histories ${histories}`,
    );
  }
  const kills = plan.beats.filter(({ happening }) => happening?.event.startsWith("kill")).length;
  const { length: events } = await rowsOf(world.admin, "select from app_private.stripe_events");
  const deeds = plan.beats.reduce((sum, beat) => sum + beat.deeds.length, 0);
  return { histories, deeds, kills, events };
}

function lifeOf(person: Person, seed: number, number: number): History {
  return {
    number,
    person,
    key: `${seed}-${number}`,
    plan: PLANS[number % PLANS.length] ?? "pro",
    tenantId: undefined,
    deleted: new Set(),
  };
}

async function live(world: World, lives: History[], { deeds, happening }: Beat): Promise<void> {
  const all: Promise<void>[] = deeds.map(async (deed) => {
    const life = lives[deed.history];
    if (life !== undefined) await perform(world, life, deed);
  });
  if (happening !== undefined) all.push(happen(world, happening));
  await Promise.all(all);
}

async function faultsOf(world: World, life: History): Promise<string[]> {
  const tenant = await shownTenant(world, life);
  const { faults, wanted, shown } = await judge(world, life, tenant);
  if (faults.length === 0) return [];
  return [
    `History ${life.number}, tenant ${life.tenantId}: ${faults.join("; ")}\n` +
      `  Stripe: ${JSON.stringify(wanted)}\n  shown:  ${JSON.stringify(shown)}`,
  ];
}

/** Every event that came is dealt with, and nobody was alarmed for nothing. */
async function faultsOfInbox({ admin }: World): Promise<string[]> {
  const waiting = await rowsOf(
    admin,
    // Of a customer deleted before it was a tenant's the inbox waits for a while, and looks again.
    `select id, type, status, customer_id from app_private.stripe_events as events
    where status in ('pending', 'failed')
    and not exists (
      select from graphile_worker._private_jobs as jobs
      where jobs.key = 'stripe_customer:' || events.customer_id and jobs.run_at > now()
    )`,
  );
  const alarms = await rowsOf(
    admin,
    "select kind, subject, message, details from app_private.alarms where resolved_at is null",
  );
  // Without an error it is one that was replaced while it ran, and whose worker was killed.
  const given = await rowsOf(
    admin,
    `select key, last_error from graphile_worker._private_jobs
    where attempts >= max_attempts and last_error not like 'The worker % died%'`,
  );
  return [...waiting, ...alarms, ...given].map((row) => JSON.stringify(row));
}
