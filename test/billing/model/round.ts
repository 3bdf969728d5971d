/** One round: some tenants live through a plan, then all is quiet, and everything must be true. */
import { signUp, type Person } from "../../support/client.ts";
import { rowsOf } from "../../support/query.ts";
import { perform, shownTenant } from "./deeds.ts";
import { happen, isLong } from "./happenings.ts";
import { PLANS, type History } from "./history.ts";
import { faultsOfMails } from "./mails.ts";
import { planOf, type Beat } from "./plan.ts";
import { compare, quieten } from "./quiet.ts";
import { judge } from "./truth.ts";
import type { World } from "./world.ts";

export type Figures = {
  histories: number;
  deeds: number;
  kills: number;
  events: number;
  mails: number;
};

/** Lives through the plan of `seed`, and rejects with what is not as it must be. */
export async function playRound(world: World, seed: number, histories: number): Promise<Figures> {
  const plan = planOf(seed, histories);
  await world.renew();
  await world.processes.ready();
  const person = await signUp(world.url, "Alice");
  const lives = Array.from({ length: histories }, (_, number) => lifeOf(person, seed, number));
  await world.control("chaos", plan.chaos);
  for (const beat of plan.beats) {
    // oxlint-disable-next-line no-await-in-loop -- beats follow each other.
    await live(world, lives, beat);
  }
  await quieten(world, { isLossy: plan.chaos.drop_forever > 0, isLong: isLong(plan) });

  const kills = plan.beats.filter(({ happening }) => happening?.event === "kill worker").length;
  const faults = (await Promise.all(lives.map((life) => faultsOf(world, life)))).flat();
  faults.push(...(await faultsOfMails(world, kills)));
  faults.push(...(await faultsOfComparison(world)));
  faults.push(...(await faultsOfInbox(world)));
  if (faults.length > 0) {
    const story = plan.beats.map((beat) => JSON.stringify(beat)).join("\n");
    throw new Error(
      `${faults.join("\n\n")}\n\nThe plan:\n${story}\n\n` +
        `Again: npm run torture -- --seed ${seed} --histories ${histories}`,
    );
  }
  const { length: mails } = await world.mails();
  const { length: events } = await rowsOf(world.admin, "select from app_private.stripe_events");
  const deeds = plan.beats.reduce((sum, beat) => sum + beat.deeds.length, 0);
  // The server is killed once.
  return { histories, deeds, kills: kills + 1, events, mails };
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

/** When all is as Stripe says, a comparison of everything finds nothing to mend. */
async function faultsOfComparison(world: World): Promise<string[]> {
  const { customers: _, subscriptions: __, open_invoices: ___, ...mended } = await compare(world);
  return Object.entries(mended)
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `A comparison at the end found ${count} ${what}`);
}

/** Every event that came and whatever was asked is dealt with, and nobody was alarmed for nothing. */
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
  const given = await rowsOf(
    admin,
    "select key, last_error from graphile_worker._private_jobs as jobs where app_private.job_has_failed(jobs)",
  );
  const asked = await rowsOf(
    admin,
    "select kind, id, created_at from app_public.billing_requests where status = 'pending'",
  );
  return [...waiting, ...alarms, ...given, ...asked].map((row) => JSON.stringify(row));
}
