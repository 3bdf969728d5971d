/** A process to kill: opens a home, starts its server, tells the server's port and waits. */
import { openHome } from "../../dev/home.ts";
import { startEmbeddedPostgres } from "../../dev/postgres.ts";

const home = await openHome(process.argv[2] ?? "");
const server = await startEmbeddedPostgres({
  directory: home.postgresDirectory,
  port: 0,
  password: home.secrets.postgresPassword,
});
process.stdout.write(`${server.port}\n`);
