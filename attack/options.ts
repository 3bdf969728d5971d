/** The command line of npm run attack. */
import { parseArgs } from "node:util";

/** What can be attacked, in the order in which it is. */
export const LAYERS = ["catalog", "graphql", "sessions"] as const;
/** What faults can be in. */
export const KINDS = [
  "policy",
  "table",
  "view",
  "grant",
  "foreign key",
  "unique key",
  "function",
  "trigger",
  "code",
  "role",
  "server",
] as const;
export type LayerName = (typeof LAYERS)[number];

export type Options = {
  help: boolean;
  mutants: boolean;
  /** Which kinds of faults to build; none for all. */
  kinds: readonly string[];
  layers: readonly LayerName[];
  /** The deploy job's login, over MIGRATION_DATABASE_URL. */
  database: string | undefined;
  /** Where the server answers, over PUBLIC_URL. */
  server: string | undefined;
  seed: number;
  html: string;
  json: string;
  mayPlantInProduction: boolean;
};

export const USAGE = `Usage: npm run attack -- [options]

Plants two tenants full of canaries in a database, attacks the one as everybody but its own people,
takes everything away again, and writes down what was tried and what came of it.

  --only <layers>     of ${LAYERS.join(", ")}; several with commas between
  --database <url>    the deploy job's login (MIGRATION_DATABASE_URL)
  --server <url>      where the server answers (PUBLIC_URL)
  --seed <number>     draws the numbers of an earlier run for what the sessions do
  --html <file>       the matrix for people  (.rowhouse/attack/report.html)
  --json <file>       the same for programs  (.rowhouse/attack/report.json)
  --mutants           tests the suite instead: builds faults into databases of their own, on a server
                      of its own, and tells which were noticed
  --kinds <kinds>     with --mutants: of ${KINDS.join(", ")}
  --yes-plant-rows    needed where NODE_ENV is production
  --help              prints this

Works on the database of a running npm start, or on MIGRATION_DATABASE_URL with DATABASE_URL and
WORKER_DATABASE_URL, the logins of the two processes. Exits with 0 when nothing got through, 1 when
something did or an attempt proved nothing, 2 when it could not be tried.`;

/** An argument that means nothing here. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Reads the command line; throws a UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const { only, kinds, seed, help, mutants, database, server, html, json, ...rest } = parsed(args);
  return {
    help,
    mutants,
    kinds: listOf("kind of fault", kinds, KINDS),
    layers: layersOf(only),
    database: urlOf("--database", database, ["postgres:", "postgresql:"]),
    server: urlOf("--server", server, ["http:", "https:"])?.replace(/\/+$/, ""),
    seed: seedOf(seed),
    html,
    json,
    mayPlantInProduction: rest["yes-plant-rows"],
  };
}

function layersOf(only: readonly string[]): readonly LayerName[] {
  const named = listOf("layer", only, LAYERS);
  return named.length === 0 ? LAYERS : named;
}

/** What lists with commas name, in the order of what there is. */
function listOf<T extends string>(
  what: string,
  lists: readonly string[],
  known: readonly T[],
): readonly T[] {
  const names = lists.flatMap((list) => list.split(","));
  const unknown = names.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) throw new UsageError(`There is no ${what} "${unknown}"`);
  return known.filter((one) => names.includes(one));
}

function seedOf(seed: string | undefined): number {
  if (seed === undefined) return Math.floor(Math.random() * 2 ** 32);
  if (/^\d{1,10}$/.test(seed) && Number(seed) < 2 ** 32) return Number(seed);
  throw new UsageError("--seed must be a whole number below 4,294,967,296");
}

/** Not repeated in the error: it may hold a password. */
function urlOf(name: string, url: string | undefined, protocols: readonly string[]) {
  if (url === undefined) return undefined;
  if (URL.canParse(url) && protocols.includes(new URL(url).protocol)) return url;
  throw new UsageError(`${name} must be a URL that starts with ${protocols.join("// or ")}//`);
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: "string", multiple: true, default: [] },
        database: { type: "string" },
        server: { type: "string" },
        seed: { type: "string" },
        html: { type: "string", default: ".rowhouse/attack/report.html" },
        json: { type: "string", default: ".rowhouse/attack/report.json" },
        mutants: { type: "boolean", default: false },
        kinds: { type: "string", multiple: true, default: [] },
        "yes-plant-rows": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
