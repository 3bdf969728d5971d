/**
 * policies: what row-level security costs a prepared statement.
 *
 * Ours: the statement as the API sends it, without a tenant in it, by the server's login after
 * app_private.enter(), as app_user, under our policies.
 * Baseline: the same statement with an explicit tenant_id = $n, by a role with BYPASSRLS, on the
 * same rows of the same tables with the same indexes: what a careful engineer writes who trusts
 * every query to name the tenant.
 *
 * Fair, because both are named statements of the same protocol, inside a transaction that is open
 * already, and run on a generic plan (checked); because each side has a new tenant each round, all
 * of one size, so that neither finds the other's pages warm; both must find as many rows; and
 * neither always goes first. Measured twice: as a client sees it, one statement and one answer at a
 * time, the sides taking turns call by call; and in the server alone, many executions in one batch
 * that nobody waits for, which hides nothing behind the way there and back. What enter() costs a
 * transaction is not in here: it is in preamble.
 */
import { separateCpus } from "./cpus.ts";
import { connect, type BenchDatabase, type BenchServer } from "./database.ts";
import type { Scale } from "./options.ts";
import { explainShape } from "./plans.ts";
import type { Outcome, Result } from "./report.ts";
import { seed, type Seeded } from "./seed.ts";
import { SHAPES, type Shape } from "./shapes.ts";
import { measurePolicies } from "./policy_rounds.ts";
import { prepareStatement } from "./statement.ts";
import { readTenants } from "./tenants.ts";

/** Tasks of each project where a tenant has few projects. */
const TASKS_OF_FEW = 20;

export type PoliciesOptions = {
  server: BenchServer;
  /** Where tenants have as many projects as tasks, or nearly. */
  database: BenchDatabase;
  seeded: Seeded;
  scale: Pick<Scale, "tenants" | "projectsPerTenant" | "policyRounds">;
  plans: boolean;
  log: (line: string) => void;
};

type Data = { database: BenchDatabase; seeded: Seeded };
type Measured = Data & { shape: Shape; label: string; isControl?: boolean };

export async function benchPolicies(options: PoliciesOptions): Promise<Outcome> {
  const { server, database, seeded, scale, plans, log } = options;
  log(`policies: seeding as many tasks in ${projectsOfFew(scale)} projects a tenant`);
  const few = await seedFewProjects(server, scale);
  await using cpus = await separateCpus(server, database);
  const outcome: Outcome = { results: [], notes: [`policies: ${cpus.note}`], plans: [] };
  for (const measured of measuredIn({ database, seeded }, few)) {
    log(`policies: ${measured.label}`);
    outcome.results.push(...(await benchShape(server, measured, scale.policyRounds)));
    if (plans && measured.isControl !== true) {
      const { database: data, seeded: whose, shape, label } = measured;
      outcome.plans.push(await explainShape(data, whose, { ...shape, case: label }));
    }
  }
  await server.dropDatabase(few.database);
  return outcome;
}

function measuredIn(many: Data, few: Data): Measured[] {
  return SHAPES.flatMap((shape) => {
    const measured = { ...many, shape, label: shape.case };
    if (shape.key === "point") {
      return [{ ...measured, label: "(control: baseline twice)", isControl: true }, measured];
    }
    if (shape.key !== "parents") return [measured];
    return [measured, { ...few, shape, label: `${shape.case}, of few projects` }];
  });
}

async function seedFewProjects(server: BenchServer, scale: PoliciesOptions["scale"]) {
  const database = await server.createDatabase();
  const seeded = await seed(database.urls.superuser, {
    tenants: scale.tenants,
    projectsPerTenant: projectsOfFew(scale),
    tasksPerProject: TASKS_OF_FEW,
  });
  return { database, seeded };
}

function projectsOfFew({ projectsPerTenant }: Pick<Scale, "projectsPerTenant">): number {
  return Math.ceil(projectsPerTenant / TASKS_OF_FEW);
}

async function benchShape(
  server: BenchServer,
  { database, seeded, shape, label, isControl = false }: Measured,
  rounds: number,
): Promise<Result[]> {
  await using superuser = await connect(database.urls.superuser);
  const tenants = await readTenants(superuser, seeded.tenantIds);
  const overSocket = { urls: { ...database.urls } };
  for (const login of ["server", "migrator"] as const) {
    overSocket.urls[login] = server.overSocket(database.urls[login]) ?? database.urls[login];
  }
  const side = isControl ? "theirs" : "ours";
  using ours = await prepareStatement(overSocket, seeded, { shape, side });
  using theirs = await prepareStatement(overSocket, seeded, { shape, side: "theirs" });
  const results = await measurePolicies({ ours, theirs }, { label, shape, tenants, rounds });
  // What was rolled back is in the way of whoever comes next.
  if (isWrite(shape)) await superuser.query("vacuum app_public.projects");
  return results;
}

function isWrite({ key }: Shape): boolean {
  return key === "update" || key === "insert";
}
