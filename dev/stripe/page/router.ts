import { fileURLToPath } from "node:url";

import express, { Router } from "express";

import type { Engine } from "../engine.ts";
import { overview } from "./overview.ts";

const FILES = fileURLToPath(new URL("./", import.meta.url));
/** Everything comes from here, and no other site may show it in a frame. */
const POLICY = "default-src 'self'; frame-ancestors 'none'";

/** The page at the emulator's root: a person's view of the account, with the control API's buttons. */
export function pageRouter(engine: Engine): Router {
  const router = Router();
  router.get("/", (_request, response) => {
    response.set("content-security-policy", POLICY).sendFile("page.html", { root: FILES });
  });
  // Browsers ask for it wherever they are; without an answer of its own it would be a call without a key.
  router.get("/favicon.ico", (_request, response) => {
    response.status(204).end();
  });
  router.use("/_emulator/page", express.static(FILES, { extensions: [], index: false }));
  router.get("/_emulator/overview", (_request, response) => {
    response.json(overview(engine));
  });
  return router;
}
