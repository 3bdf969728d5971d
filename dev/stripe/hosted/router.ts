import { fileURLToPath } from "node:url";

import { Router, urlencoded } from "express";
import type { Request, Response } from "express";

import { NO_REQUEST } from "../context.ts";
import type { Context } from "../context.ts";
import { contextFor } from "../engine.ts";
import type { Engine } from "../engine.ts";
import { StripeError } from "../errors.ts";
import { isRecord } from "../params.ts";
import { inTimeOf } from "../test_time.ts";
import { checkout } from "./checkout.ts";
import type { Html } from "./html.ts";
import { invoicePage } from "./invoice_page.ts";
import { messagePage } from "./parts.ts";
import { portal } from "./portal.ts";

/** A page of Stripe's that a customer is sent to. */
export type HostedPage = {
  path: string;
  /** The page, with what went wrong just now. */
  show(context: Context, id: string, error: string): Html;
  /** Does what a button asks for; says where to go next, or null for the page itself. */
  post(context: Context, id: string, form: Record<string, string>): string | null;
};

const PAGES: readonly HostedPage[] = [checkout, invoicePage, portal];
const STYLE = fileURLToPath(new URL("./hosted.css", import.meta.url));
/**
 * Nothing but the style is loaded. Where forms lead is left open: Chromium holds redirects after a
 * form to `form-action` too, and the shop is elsewhere.
 */
const POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The pages that customers see. Who has the address may use them, as with Stripe's. */
export function hostedRouter(engine: Engine): Router {
  const router = Router();
  router.get("/_emulator/hosted.css", (_request, response) => response.sendFile(STYLE));
  for (const page of PAGES) {
    router.get(page.path, (request: Request, response: Response) => {
      respond(engine, page, request, response, "");
    });
    router.post(page.path, urlencoded({ extended: false }), (request, response) => {
      post(engine, page, request, response);
    });
  }
  return router;
}

function post(engine: Engine, page: HostedPage, request: Request, response: Response): void {
  const id = String(request.params["id"] ?? "");
  try {
    const next = page.post(contextOf(engine, id), id, formOf(request.body));
    response.redirect(303, next ?? request.path);
  } catch (error) {
    if (!(error instanceof StripeError)) throw error;
    respond(engine, page, request, response.status(error.status), error.message);
  } finally {
    engine.touch();
  }
}

function respond(
  engine: Engine,
  page: HostedPage,
  request: Request,
  response: Response,
  error: string,
): void {
  const id = String(request.params["id"] ?? "");
  response.set({ "content-security-policy": POLICY, "cache-control": "no-store" }).type("html");
  try {
    response.send(page.show(contextOf(engine, id), id, error).markup);
    engine.touch();
  } catch (failure) {
    if (!(failure instanceof StripeError)) throw failure;
    response.status(failure.status).send(messagePage("Not found", failure.message).markup);
  }
}

function contextOf(engine: Engine, id: string): Context {
  return inTimeOf(contextFor(engine, NO_REQUEST), id);
}

function formOf(body: unknown): Record<string, string> {
  const entries = isRecord(body) ? Object.entries(body) : [];
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
