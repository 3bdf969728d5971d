import type { Request } from "express";
import qs from "qs";

import { bodyOf } from "./control_body.ts";
import { isRecord } from "./params.ts";

/** How far a query or a form may nest and how much it may hold. */
export const QS = { plainObjects: true, depth: 10, arrayLimit: 1000, parameterLimit: 10_000 };

/** The query and the body together; a body may come with a DELETE, too. The second API takes JSON. */
export function parameters(request: Request): Record<string, unknown> {
  const body: unknown = request.path.startsWith("/v2/") ? bodyOf(request) : formOf(request.body);
  return { ...request.query, ...(isRecord(body) ? body : {}) };
}

function formOf(body: unknown): unknown {
  return Buffer.isBuffer(body) ? qs.parse(body.toString("utf8"), QS) : {};
}
