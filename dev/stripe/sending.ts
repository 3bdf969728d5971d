import type { Response } from "express";

import type { Answer } from "./idempotency.ts";

/** How much of an answer reaches the caller: all, half and then nothing, or nothing. */
export type Reach = "whole" | "half" | "none";

/** Sends an answer, or has the connection break before its end. */
export function send(response: Response, { status, body }: Answer, reach: Reach = "whole"): void {
  if (reach === "none") {
    response.socket?.destroy();
    return;
  }
  response.status(status).type("application/json");
  if (reach === "whole") {
    response.send(body);
    return;
  }
  const bytes = Buffer.from(body);
  response.setHeader("Content-Length", bytes.length);
  response.write(bytes.subarray(0, bytes.length / 2), () => response.socket?.destroy());
}
