/** A server of nobody's to build faults on, gone when it is closed. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { migrate } from "../../cli/migrate.ts";
import { bootstrapDatabase, connectionUrls } from "../../dev/bootstrap.ts";
import { startEmbeddedPostgres } from "../../dev/postgres.ts";
import type { Arena } from "./arena.ts";

/** Starts an embedded server with one migrated database. Roles and databases on it may be spoiled. */
export async function openScratchArena(): Promise<Arena & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), "rowhouse-mutants-"));
  const word = () => randomBytes(18).toString("base64url");
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const server = await startEmbeddedPostgres({
      directory,
      port: 0,
      password: word(),
      ephemeral: true,
    });
    const dispose = async () => {
      await server.stop();
      await remove();
    };
    try {
      const arena: Arena = {
        superuserUrl: server.superuserUrl(),
        template: "rowhouse_template",
        passwords: { rowhouse_server: word(), rowhouse_worker: word(), rowhouse_migrator: word() },
        strategy: "file_copy",
      };
      const options = { ...arena, database: arena.template };
      await bootstrapDatabase(options);
      await migrate({ databaseUrl: connectionUrls(options).migrator, current: true });
      return { ...arena, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  } catch (error) {
    await remove();
    throw error;
  }
}
