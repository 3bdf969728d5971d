/** The PostgreSQL that `npm start` and `npm test` bring along: a real server in a directory. */
import { chown, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { freePort } from "./free_port.ts";
import { OperatorError } from "./operator_error.ts";
import { reachableDirectory, serverAccount, type Account } from "./postgres_account.ts";
import { findBinaries, type Binaries } from "./postgres_binaries.ts";
import { explainFailure } from "./postgres_failure.ts";
import { clearDirectory } from "./postgres_lock.ts";
import { runProgram, startServer, type ServerProcess } from "./postgres_process.ts";

const HOST = "127.0.0.1";
const SUPERUSER = "postgres";
/** A free port may be taken between our looking and the server's binding. */
const FREE_PORT_ATTEMPTS = 3;

/** A running server. Stopping it twice is harmless. */
export type EmbeddedPostgres = {
  host: string;
  port: number;
  superuserUrl(database?: string): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  directory: string;
  /** 0 asks for a free one. */
  port: number;
  password: string;
  /** For tests: no care is taken that data survives a crash, and the directory dies with us. */
  ephemeral?: boolean;
  /** Settings in place of ours, or beside them. */
  settings?: Readonly<Record<string, string | number>>;
  log?: (line: string) => void;
};

/** Starts the server on `directory`, creating the data at first; rejects with an OperatorError. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { password, ephemeral = false, log = () => {} } = options;
  const asked = resolve(options.directory);
  const account = await serverAccount(asked);
  const directory = await reachableDirectory(asked, account);
  const binaries = await findBinaries(account);
  await clearDirectory(directory, log);
  if (!(await isInitialised(directory))) {
    await initialise({ directory, binaries, account, password, ephemeral, log });
  }
  const { port, server } = await launch({ ...options, directory, binaries, account, log });

  function superuserUrl(database = "postgres"): string {
    return `postgres://${SUPERUSER}:${encodeURIComponent(password)}@${HOST}:${port}/${encodeURIComponent(database)}`;
  }
  const stop = () => server.stop();
  return { host: HOST, port, superuserUrl, stop, [Symbol.asyncDispose]: stop };
}

type Place = {
  directory: string;
  binaries: Binaries;
  account: Account;
  log: (line: string) => void;
};

async function launch(
  place: Place & Pick<EmbeddedPostgresOptions, "port" | "ephemeral" | "settings">,
): Promise<{ port: number; server: ServerProcess }> {
  const { directory, binaries, account, ephemeral = false, log } = place;
  for (let attempt = 1; ; attempt += 1) {
    const port = place.port === 0 ? await freePort() : place.port;
    try {
      const server = await startServer({
        file: binaries.postgres,
        args: ["-D", directory, ...settings(port, ephemeral, place.settings)],
        account,
        log,
        removeOnDeath: ephemeral ? directory : undefined,
      });
      return { port, server };
    } catch (error) {
      const failure = explainFailure(error, { directory, port });
      if (place.port !== 0 || !failure.portTaken || attempt === FREE_PORT_ATTEMPTS) {
        throw failure.error;
      }
    }
  }
}

/** Given at each start, not stored at creation, so that a change here reaches old directories. */
function settings(
  port: number,
  ephemeral: boolean,
  given: EmbeddedPostgresOptions["settings"] = {},
): string[] {
  const values: Record<string, string | number> = {
    port,
    listen_addresses: HOST,
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "64MB",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    log_line_prefix: "",
    ...(ephemeral ? EPHEMERAL : {}),
    ...given,
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

const EPHEMERAL = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: 0,
  max_wal_size: "1GB",
  autovacuum: "off",
};

async function isInitialised(directory: string): Promise<boolean> {
  const entries = await readdir(directory).catch((): string[] => []);
  if (entries.includes("PG_VERSION")) return true;
  if (entries.length === 0) return false;
  throw new OperatorError(
    `${directory} is not empty and holds no database. Move its contents away, or choose another ROWHOUSE_HOME.`,
  );
}

/** initdb works beside the directory, which is then renamed into place: whole, or not there. */
async function initialise(
  place: Place & Required<Pick<EmbeddedPostgresOptions, "password" | "ephemeral">>,
): Promise<void> {
  const { directory, binaries, account, password, ephemeral, log } = place;
  await removeLeftovers(directory);
  // A name of its own each time: the initdb of a killed run may still be writing to the last one.
  const temporary = await mkdtemp(`${directory}.new-`);
  const passwordFile = `${temporary}.password`;
  try {
    await writeFile(passwordFile, password, { mode: 0o600 });
    for (const path of account ? [temporary, passwordFile] : []) {
      await chown(path, account?.uid ?? 0, account?.gid ?? 0);
    }
    const args = [
      `--pgdata=${temporary}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // The built-in provider sorts alike on every machine, whatever locales it has.
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--text-search-config=english",
      "--no-instructions",
      ...(ephemeral ? ["--no-sync"] : []),
    ];
    await runProgram({ file: binaries.initdb, args, account, log });
    await rename(temporary, directory);
  } catch (error) {
    throw explainFailure(error, { directory, port: 0 }).error;
  } finally {
    await rm(passwordFile, { force: true });
    await rm(temporary, { recursive: true, force: true });
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const parent = dirname(directory);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${basename(directory)}.new-`)) continue;
    // Whatever can't be removed now is removed another time.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
}
