import { setTimeout as sleep } from "node:timers/promises";

import express from "express";
import type { Express, NextFunction, Request, Response } from "express";
import qs from "qs";
import { Stripe } from "stripe";

import { authenticate } from "./auth.ts";
import { controlRouter } from "./control.ts";
import { contextFor } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { cardError, invalidParameter, serverError, StripeError } from "./errors.ts";
import { written } from "./expand.ts";
import { checkExpandable } from "./expandable.ts";
import { reachUnder, refuse } from "./faults.ts";
import { hostedRouter } from "./hosted/router.ts";
import { hostilityRouter } from "./hostility.ts";
import { begin, drop, keep } from "./idempotency.ts";
import type { Answer } from "./idempotency.ts";
import { outsideRouter } from "./outside.ts";
import { pageRouter } from "./page/router.ts";
import { isRecord } from "./params.ts";
import { parameters, QS } from "./parameters.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";
import { send } from "./sending.ts";
import type { Reach } from "./sending.ts";
import { randomText } from "./store.ts";
import { GENERIC_DECLINE } from "./test_cards.ts";
import { inTimeOfCall } from "./test_time.ts";

const MAX_KEY = 255;

/** The emulator's HTTP side: Stripe's endpoints, and its own under /_emulator. */
export function makeApp(engine: Engine): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag");
  app.set("query parser", (query: string) => qs.parse(query, QS));
  app.use(introduce);
  app.use(pageRouter(engine));
  app.use(hostedRouter(engine));
  app.use(express.raw({ type: () => true, limit: "1mb" }));
  app.use("/_emulator", controlRouter(engine), hostilityRouter(engine), outsideRouter(engine));
  for (const route of ROUTES) {
    const path = route.path;
    const handler = (request: Request, response: Response) =>
      handle(engine, route, request, response);
    if (route.method === "GET") app.get(path, handler);
    else if (route.method === "POST") app.post(path, handler);
    else app.delete(path, handler);
  }
  app.use((request: Request) => {
    identify(engine, request);
    throw unknownEndpoint(request.method, request.path);
  });
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    send(response, refusal(error, response));
  });
  return app;
}

/** The answer that tells of an error. */
function refusal(error: unknown, response: Response): Answer {
  if (isTransient(error)) response.setHeader("Stripe-Should-Retry", "true");
  return failure(error).answer;
}

/** True of a conflict that will be over when the other request is. */
function isTransient(error: unknown): boolean {
  const code = error instanceof StripeError ? error.body.code : undefined;
  return code === "lock_timeout" || code === "idempotency_key_in_use";
}

/** The headers that every answer of Stripe's carries. */
function introduce(request: Request, response: Response, next: NextFunction): void {
  response.setHeader("Request-Id", `req_${randomText(14)}`);
  response.setHeader("Stripe-Version", request.get("Stripe-Version") ?? Stripe.API_VERSION);
  next();
}

function identify({ store }: Engine, { method, path, headers }: Request): void {
  authenticate(store, { method, path, header: headers.authorization });
}

function unknownEndpoint(method: string, path: string): StripeError {
  return new StripeError(404, {
    type: "invalid_request_error",
    message: `Unrecognized request URL (${method}: ${path}). The Stripe emulator lacks this endpoint.`,
  });
}

/** One call, from the request to the answer, of which an observer is told. */
async function handle(
  engine: Engine,
  route: Route,
  request: Request,
  response: Response,
): Promise<void> {
  const params = parameters(request);
  const { answer, reach } = await serve(engine, route, params, request, response).catch(
    (error: unknown) => ({ answer: refusal(error, response), reach: "whole" as const }),
  );
  engine.observer?.answered({ route, params, client: request.get("User-Agent") ?? "", ...answer });
  send(response, answer, reach);
}

/** Who is it, has it been answered before, what comes of it, and does it go out. */
async function serve(
  engine: Engine,
  route: Route,
  raw: Record<string, unknown>,
  request: Request,
  response: Response,
): Promise<{ answer: Answer; reach: Reach }> {
  identify(engine, request);
  const limited = engine.rateLimits.admit(`${route.method} ${route.path}`);
  if (limited !== null) {
    response.setHeader("Stripe-Rate-Limited-Reason", limited.reason);
    throw limited.error;
  }
  const key = idempotencyKey(request);
  const fault = engine.faults.strike(request.method, request.path);
  refuse(fault, key ?? "");
  const requestId = String(response.getHeader("Request-Id"));
  if (key !== null) {
    response.setHeader("Idempotency-Key", key);
    const saved = begin(engine.store, {
      key,
      endpoint: `${request.method} ${request.path}`,
      fingerprint: JSON.stringify(raw),
      requestId,
      startedAt: engine.clock.now(),
    });
    if (saved?.answer) {
      response.setHeader("Idempotent-Replayed", "true");
      response.setHeader("Original-Request", saved.requestId);
      return { answer: saved.answer, reach: reachUnder(fault) };
    }
  }
  if (fault?.kind === "slow") await sleep(fault.ms);
  const id = String(request.params["id"] ?? "");
  let { answer, kept } =
    fault?.kind === "402"
      ? failure(cardError(GENERIC_DECLINE))
      : execute(engine, route, raw, id, { id: requestId, idempotency_key: key });
  if (fault?.kind === "500_after") ({ answer, kept } = failure(serverError(true)));
  if (key !== null && kept) keep(engine.store, key, answer);
  if (key !== null && !kept) drop(engine.store, key);
  if (request.method !== "GET") engine.touch();
  return { answer, reach: reachUnder(fault) };
}

/** Does the work, without a pause in which another call could see half of it. */
function execute(
  engine: Engine,
  route: Route,
  raw: Record<string, unknown>,
  id: string,
  request: Stripe.Event.Request,
): { answer: Answer; kept: boolean } {
  try {
    const paths = expandPaths(raw["expand"]);
    for (const path of paths) checkExpandable(route, path);
    const result = route.run(inTimeOfCall(contextFor(engine, request), route, raw, id), raw, id);
    return { answer: { status: 200, body: written(engine.store, result, paths) }, kept: true };
  } catch (error) {
    return failure(error);
  }
}

function expandPaths(raw: unknown): string[] {
  const values = isRecord(raw) ? Object.values(raw) : raw;
  return Array.isArray(values) ? values.map(String) : [];
}

/** What an error looks like from outside. */
function failure(error: unknown): { answer: Answer; kept: boolean } {
  const known = error instanceof StripeError ? error : translated(error);
  const body = JSON.stringify({ error: known.body }, null, 2);
  return { answer: { status: known.status, body }, kept: known.kept };
}

/** A body too large or not readable is the caller's fault; anything else is the emulator's. */
function translated(error: unknown): StripeError {
  const status = isRecord(error) && typeof error["status"] === "number" ? error["status"] : 500;
  if (status >= 400 && status < 500) {
    return new StripeError(status, { type: "invalid_request_error", message: String(error) });
  }
  process.emitWarning(error instanceof Error ? error : String(error));
  return serverError(true);
}

function idempotencyKey(request: Request): string | null {
  const key = request.get("Idempotency-Key");
  if (request.method !== "POST" || key === undefined || key === "") return null;
  if (key.length <= MAX_KEY) return key;
  throw invalidParameter("Idempotency-Key", `Idempotency keys have at most ${MAX_KEY} characters.`);
}
