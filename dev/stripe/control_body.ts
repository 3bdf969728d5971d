/** How the emulator's own endpoints are declared: a path, and what is done with the body. */
import type { Request, Response, Router } from "express";
import qs from "qs";

import { invalidParameter } from "./errors.ts";

/** What an endpoint does; `id` is the one in the path, if there is one. */
export type Work = (body: unknown, id: string) => Promise<object> | object;

/** Declares endpoints of a router that take POST, with JSON or a form. */
export function declarer(router: Router): (path: string, work: Work) => void {
  return (path, work) => {
    router.post(path, async (request: Request, response: Response) => {
      response.json(await work(bodyOf(request), String(request.params["id"] ?? "")));
    });
  };
}

/** The body as JSON or, if it does not look like that, as a form. */
export function bodyOf(request: Request): unknown {
  const body: unknown = request.body;
  const content = Buffer.isBuffer(body) ? body.toString("utf8").trim() : "";
  if (!content.startsWith("{")) return qs.parse(content);
  try {
    return JSON.parse(content);
  } catch {
    throw invalidParameter("body", "The body is not JSON.");
  }
}
