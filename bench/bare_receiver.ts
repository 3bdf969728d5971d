/**
 * The least that an HTTP server can do for an event and still keep it: node:http, no framework,
 * nothing verified, nothing logged, no job. Reads the body and inserts the row over a pool as large
 * as ours.
 */
import http from "node:http";
import { buffer } from "node:stream/consumers";

import { pino } from "pino";

import { makePool } from "../server/database.ts";
import { forkFile, obeyParent, type Forked } from "./fork.ts";
import { insertBare } from "./inbox_statements.ts";
import { portOf } from "./listen.ts";

type Order = { databaseUrl: string };

/** Starts it in a process of its own; says its port. */
export function forkBareReceiver(order: Order): Promise<Forked<number>> {
  return forkFile(import.meta.filename, "bare receiver", order);
}

function listen({ databaseUrl }: Order): Promise<number> {
  const logger = pino({ level: "warn" });
  const named = { connectionString: databaseUrl, applicationName: "bench-receiver", logger };
  const pool = makePool({ ...named, pipeline: true, max: 20 });
  const answer = JSON.stringify({ received: true });
  const headers = { "content-type": "application/json", "content-length": answer.length };
  const server = http.createServer((request, response) => {
    buffer(request)
      .then((body) => insertBare(pool, body.toString("utf8")))
      .then(
        () => response.writeHead(200, headers).end(answer),
        (error: unknown) => {
          logger.error({ err: error }, "not kept");
          response.writeHead(500, { "content-length": 0 }).end();
        },
      );
  });
  return portOf(server);
}

if (import.meta.main) await obeyParent(listen);
