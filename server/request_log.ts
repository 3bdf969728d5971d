import { randomUUID } from "node:crypto";

import { pinoHttp } from "pino-http";
import type { Logger } from "pino";

const REQUEST_ID = /^[\w.-]{8,128}$/;

/**
 * One log line a request, under an id that the response carries too. A proxy's own id is kept when
 * it is a harmless text. Headers and bodies are not logged: they hold tokens and people's data.
 */
export function logRequests(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId(request, response) {
      const given = request.headers["x-request-id"];
      const id = typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
      response.setHeader("x-request-id", id);
      return id;
    },
    customLogLevel: (_request, response, error) =>
      error !== undefined || response.statusCode >= 500 ? "error" : "debug",
    serializers: {
      req: ({ id, method, url }: { id: unknown; method: string; url: string }) => ({
        id,
        method,
        // The identity provider puts the secret of a reset link into the path.
        path: url.split("?")[0]?.replace(/(\/reset-password\/)[^/]+/, "$1[redacted]"),
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
  });
}
