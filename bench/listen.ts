import { once } from "node:events";
import type { Server } from "node:http";

/** Has a server listen on this machine; answers with the port that it got. */
export async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on TCP");
  return address.port;
}
