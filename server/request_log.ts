import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

import type { Request } from "express";
import { pinoHttp } from "pino-http";
import type { Logger, SerializedRequest } from "pino";

import { clientAddress } from "./client_address.ts";

const REQUEST_ID = /^[\w.-]{8,128}$/;

/** The id that a proxy gave a request when it is a harmless text, or else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

/**
 * One log line a request, under an id that the response carries too. Headers and bodies are not
 * logged: they hold tokens and people's data.
 */
export function logRequests(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId(request, response) {
      const id = requestId(request);
      response.setHeader("x-request-id", id);
      return id;
    },
    customLogLevel: (_request, response, error) =>
      error !== undefined || response.statusCode >= 500 ? "error" : "debug",
    serializers: {
      req: ({ id, method, url, raw }: SerializedRequest & { raw: Request }) => ({
        id,
        method,
        // The identity provider puts the secret of a reset link into the path.
        path: url.split("?")[0]?.replace(/(\/reset-password\/)[^/]+/, "$1[redacted]"),
        ip: clientAddress(raw),
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
  });
}
