import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import type { Express } from "express";
import type { Logger } from "pino";

import { requestId } from "./request_log.ts";

/** Answers a request by itself, or rejects with the reason why it doesn't. */
export type ShortRoute = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export type ShortRouteOptions = { app: Express; path: string; route: ShortRoute; logger: Logger };

/**
 * A route of `app` that is so busy that it is answered before Express, whose middleware took a third of
 * what a request cost the server (docs/performance.md). Whatever else there is goes the long way:
 * other spellings of the path, every request when all are logged, and all that fails, so that an
 * error looks and is logged like any other.
 */
export function aheadOfExpress({ app, path, route, logger }: ShortRouteOptions): RequestListener {
  const failures = new WeakMap<IncomingMessage, { reason: unknown }>();
  app.post(path, (request, response) => {
    const failure = failures.get(request);
    if (failure !== undefined) throw failure.reason;
    return route(request, response);
  });

  return function listen(request, response) {
    const isShort = request.method === "POST" && request.url === path;
    if (!isShort || logger.isLevelEnabled("debug")) {
      app(request, response);
      return;
    }
    response.setHeader("x-request-id", requestId(request));
    route(request, response).catch((reason: unknown) => {
      failures.set(request, { reason });
      app(request, response);
    });
  };
}
